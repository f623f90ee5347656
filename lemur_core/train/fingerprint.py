"""Identify the content of a dataset, independently of its location and name.

Equal content has an equal fingerprint on every machine: the path and the name of the data folder,
the times of files and the order in which a folder lists them do not count.
"""

from __future__ import annotations

import hashlib
import os
import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from lemur_core.dataset import FILES, SAMPLED, DatasetRecord, SplitPart
from lemur_core.errors import CorruptSampleError
from lemur_core.kinds.loader import DataBundle, InMemory, Samples
from lemur_core.trial import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

# Number of samples hashed per split if they are neither in memory nor in known files.
SAMPLED_PER_SPLIT = 64
_SPLITS = (*SPLITS, "scored_only")
_PIECE_BYTES = 2**24
_SEED = 0


class Digests(Protocol):
    """Computes SHA-256 digests of files, like `lemur_core.train.file_digests.FileDigests`."""

    def __call__(self, dataset: str, files: Sequence[Path], /) -> Mapping[str, bytes]:
        """Return the digest of each file of a dataset by its absolute path."""


def identify(bundle: DataBundle, folder: Path, dataset: str, digests: Digests) -> DatasetRecord:
    """Return the record that identifies a dataset.

    All bytes of splits in memory count. Otherwise the record covers the content of the files that
    the bundle names, and the number of samples and the class indices of each split. If the bundle
    names no files, it covers evenly spaced samples of each split.

    Args:
        bundle: The dataset as its loader returns it.
        folder: The data folder.
        dataset: Name of the dataset, for messages.
        digests: Computes the digests of files.

    Raises:
        MissingDataError: A file cannot be read.
    """
    splits = {name: split for name in _SPLITS if (split := getattr(bundle, name, None)) is not None}
    parts = {name: _split(split) for name, split in splits.items()}
    if any(_tensors(split) is None for split in splits.values()):
        if bundle.files:
            parts[FILES] = _files(digests(dataset, bundle.files))
        else:
            parts[SAMPLED] = _sampled(splits)
    classes = tuple(map(_normalised, bundle.class_names))
    whole = folder.resolve()
    return DatasetRecord(whole.name or str(whole), classes, parts)


def _split(samples: Samples) -> SplitPart:
    tensors = _tensors(samples)
    if tensors is None:
        targets = _targets(samples)
        tensors = [] if targets is None else [targets]
    return _part(len(samples), *map(_tensor, tensors))


def _tensors(samples: Any) -> list[Tensor] | None:
    """Return the tensors that make up samples in memory; None if samples are read elsewhere."""
    if isinstance(samples, Subset):
        whole = _tensors(samples.dataset)
        return None if whole is None else [*whole, torch.tensor(samples.indices)]
    if isinstance(samples, InMemory):
        return [samples.inputs, samples.targets]
    return list(samples.tensors) if isinstance(samples, TensorDataset) else None


def _part(size: int, *digests: bytes) -> SplitPart:
    return SplitPart(size, hashlib.sha256(b"".join(digests)).hexdigest())


def _targets(samples: Any) -> Tensor | None:
    """Return the class indices available without reading samples; None if there are none."""
    if isinstance(samples, Subset):
        whole = _targets(samples.dataset)
        return None if whole is None else whole[list(samples.indices)]
    try:
        targets = torch.as_tensor(getattr(samples, "targets", None))
    # Texts, dictionaries and lists of different lengths are covered by the files' content.
    except (TypeError, ValueError, RuntimeError):
        return None
    whole_numbers = targets.ndim == 1 and not targets.is_floating_point()
    return targets.to(torch.int64) if whole_numbers else None


def _files(digests: Mapping[str, bytes]) -> SplitPart:
    above = os.path.commonpath({os.path.dirname(file) for file in digests})
    start = len(os.path.join(above, ""))
    named = [
        (_normalised(file[start:].replace(os.sep, "/")), digest) for file, digest in digests.items()
    ]
    whole = hashlib.sha256()
    for name, digest in sorted(named):
        whole.update(hashlib.sha256(name.encode(errors="surrogateescape")).digest() + digest)
    return SplitPart(len(named), whole.hexdigest())


def _normalised(name: str) -> str:
    # Some file systems decompose accented letters when a folder is copied to them.
    return unicodedata.normalize("NFC", name)


def _sampled(splits: Mapping[str, Samples]) -> SplitPart:
    digests = [
        _sample(samples, index)
        for samples in splits.values()
        for index in _evenly_spaced(len(samples))
    ]
    return _part(len(digests), *digests)


def _evenly_spaced(count: int) -> list[int]:
    """Return evenly spaced indices that include the first and the last."""
    selected = min(count, SAMPLED_PER_SPLIT)
    return [round(place * (count - 1) / max(1, selected - 1)) for place in range(selected)]


def _sample(samples: Samples, index: int) -> bytes:
    with _seeded():
        try:
            return _value(samples[index])
        except CorruptSampleError:
            return hashlib.sha256(b"corrupt").digest()


@contextmanager
def _seeded() -> Iterator[None]:
    """Seed the generators that samples may draw from, and restore their state on exit."""
    state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        random.seed(_SEED)
        try:
            yield
        finally:
            random.setstate(state)


def _value(value: Any) -> bytes:
    """Return the digest of a sample or of a part of one."""
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, np.ndarray) or hasattr(value, "__array_interface__"):
        return _array(np.array(value))
    if isinstance(value, Mapping):
        return _joined("mapping", [part for item in value.items() for part in item])
    if isinstance(value, tuple | list):
        return _joined("list", value)
    # The text of other objects may contain their memory address.
    plain = value is None or isinstance(value, str | bytes | int | float | np.generic)
    text = repr(value) if plain else type(value).__name__
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _joined(kind: str, values: Sequence[Any]) -> bytes:
    return hashlib.sha256(kind.encode() + b"".join(map(_value, values))).digest()


def _array(array: np.ndarray[Any, Any]) -> bytes:
    if array.dtype.hasobject:
        return _value(array.tolist())
    return hashlib.sha256(f"{array.dtype} {array.shape}".encode() + array.tobytes()).digest()


def _tensor(tensor: Tensor) -> bytes:
    """Return the digest of a tensor's type, shape and values; threads hash chunks of it."""
    whole = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    flat = tensor.detach().as_subclass(Tensor).cpu().contiguous().flatten()
    pieces = flat.view(torch.uint8).split(_PIECE_BYTES)
    with ThreadPoolExecutor() as pool:
        for digest in pool.map(lambda piece: hashlib.sha256(piece.numpy()).digest(), pieces):
            whole.update(digest)
    return whole.digest()
