"""Samples that cannot be decoded: found once, named, left out."""

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
"""Indices by split, validation held out."""

_AT_ONCE = 64
_NAMED = 3


def find_corrupt(bundle: DataBundle, name: str, warn: Callable[[str], None]) -> Corrupt:
    """Return the samples that cannot be decoded, and warn of them.

    Args:
        bundle: A data set; what it holds in memory is decoded already.
        name: Its name.
        warn: Told their number and the first few, a line.

    Raises:
        MissingDataError: A split has no others.
    """
    found = {split: _corrupt(getattr(bundle, split)) for split in SPLITS}
    for split, errors in found.items():
        if errors and len(errors) == len(getattr(bundle, split)):
            first = next(iter(errors.values()))
            raise MissingDataError(
                f"data set {name!r}: none of the {len(errors)} files of its {split} split can be "
                f"decoded; {first.file}: {first.reason}"
            )
    files = [error.file for errors in found.values() for error in errors.values()]
    if files:
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        count = "1 file" if len(files) == 1 else f"{len(files)} files"
        named = ", ".join(files[:_NAMED])
        warn(f"data set {name!r}: {count} cannot be decoded, left out: {named}{more}")
    return {split: frozenset(errors) for split, errors in found.items()}


def leave_out(bundle: DataBundle, corrupt: Corrupt) -> DataBundle:
    """Return the bundle without some of its samples."""
    kept: dict[str, Any] = {
        split: _without(getattr(bundle, split), indices)
        for split, indices in corrupt.items()
        if indices
    }
    return replace(bundle, **kept)


def _corrupt(samples: Samples | None) -> dict[int, CorruptSampleError]:
    if samples is None or isinstance(samples, InMemory):
        return {}
    total = len(samples)
    pieces = (range(begin, min(begin + _AT_ONCE, total)) for begin in range(0, total, _AT_ONCE))
    found: dict[int, CorruptSampleError] = {}
    # Threads, as decoders of images let others run meanwhile.
    with ThreadPoolExecutor() as pool:
        for errors in pool.map(partial(_errors, samples), pieces):
            found |= errors
    return found


def _errors(samples: Samples, indices: range) -> dict[int, CorruptSampleError]:
    errors = {}
    for index in indices:
        try:
            samples[index]
        except CorruptSampleError as error:
            errors[index] = error
    return errors


def _without(samples: Samples, indices: frozenset[int]) -> Samples:
    kept = [index for index in range(len(samples)) if index not in indices]
    subset: Samples = Subset(samples, kept)  # type: ignore[arg-type]
    return subset
