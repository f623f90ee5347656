"""Find samples that cannot be decoded, report them, and leave them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from torch.utils.data import Subset

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.kinds.loader import DataBundle, InMemory, Samples
from lemur_core.trial import SPLITS

Corrupt = Mapping[str, frozenset[int]]
"""Indices of corrupt samples by split, where validation is held out of train."""

_CHUNK_SIZE = 64
_NAMED = 3


def find_corrupt(bundle: DataBundle, name: str, warn: Callable[[str], None]) -> Corrupt:
    """Return the samples that cannot be decoded, after a warning.

    Args:
        bundle: A dataset; samples in memory are not checked, as they are decoded.
        name: Name of the dataset.
        warn: Called with a line that says how many samples are corrupt and names the first few.

    Raises:
        MissingDataError: No sample of a split can be decoded.
    """
    errors_by_split = {split: _corrupt(getattr(bundle, split)) for split in SPLITS}
    for split, errors in errors_by_split.items():
        if errors and len(errors) == len(getattr(bundle, split)):
            first = next(iter(errors.values()))
            raise MissingDataError(
                f"dataset {name!r}: none of the {len(errors)} files of its {split} split can be "
                f"decoded; {first.file}: {first.reason}"
            )
    files = [error.file for errors in errors_by_split.values() for error in errors.values()]
    if files:
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        count = "1 file" if len(files) == 1 else f"{len(files)} files"
        names = ", ".join(files[:_NAMED])
        warn(f"dataset {name!r}: {count} cannot be decoded, left out: {names}{more}")
    return {split: frozenset(errors) for split, errors in errors_by_split.items()}


def leave_out(bundle: DataBundle, corrupt: Corrupt) -> DataBundle:
    """Return the bundle without its corrupt samples."""
    splits: dict[str, Any] = {
        split: _without(getattr(bundle, split), indices)
        for split, indices in corrupt.items()
        if indices
    }
    return replace(bundle, **splits)


def _corrupt(samples: Samples | None) -> dict[int, CorruptSampleError]:
    if samples is None or isinstance(samples, InMemory):
        return {}
    total = len(samples)
    chunks = (
        range(begin, min(begin + _CHUNK_SIZE, total)) for begin in range(0, total, _CHUNK_SIZE)
    )
    corrupt: dict[int, CorruptSampleError] = {}
    # Image decoders release the interpreter's lock, so threads run in parallel.
    with ThreadPoolExecutor() as pool:
        for errors in pool.map(partial(_errors, samples), chunks):
            corrupt |= errors
    return corrupt


def _errors(samples: Samples, indices: range) -> dict[int, CorruptSampleError]:
    errors = {}
    for index in indices:
        try:
            samples[index]
        except CorruptSampleError as error:
            errors[index] = error
    return errors


def _without(samples: Samples, indices: frozenset[int]) -> Samples:
    indices_left = [index for index in range(len(samples)) if index not in indices]
    subset: Samples = Subset(samples, indices_left)  # type: ignore[arg-type]
    return subset
