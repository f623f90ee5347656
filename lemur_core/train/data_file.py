"""Share the samples of a dataset through a file that each worker maps into memory.

The mapping is private: if a net writes to its samples, its process gets a private copy. On
Linux the file lies in memory, is sealed against writing, and does not need ``/dev/shm``; elsewhere
it is a temporary file.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

import torch
from torch import Tensor

from lemur_core.kinds.loader import DataBundle, InMemory

if TYPE_CHECKING:
    from collections.abc import Callable

_SPLITS = ("train", "validation", "test")


class MappedData(NamedTuple):
    """A dataset whose samples are in a file; it can be sent to another process.

    Attributes:
        path: Path of the file, valid for the process that wrote it and others of the same user.
        frame: The data bundle, without its samples.
    """

    path: str
    frame: DataBundle

    def load(self) -> DataBundle:
        """Return the data bundle, with the samples mapped into memory.

        Raises:
            OSError: The file cannot be opened.
        """
        try:
            tensors = torch.load(self.path, mmap=True, weights_only=True)
        except RuntimeError as error:
            raise OSError(str(error)) from error
        splits: dict[str, Any] = {
            split: InMemory(*(tensors[key] for key in _keys(split))) for split in _SPLITS
        }
        return replace(self.frame, **splits)


class DataFile:
    """The file with a dataset's samples, which exists until it is closed.

    Args:
        bundle: A data bundle for which `can_be_mapped` is true.

    Attributes:
        mapped: What to send to other processes.

    Raises:
        OSError: There is no room for the file.
    """

    def __init__(self, bundle: DataBundle) -> None:
        tensors = {}
        for split in _SPLITS:
            samples = getattr(bundle, split)
            for key, tensor in zip(_keys(split), (samples.inputs, samples.targets), strict=True):
                tensors[key] = _compact(tensor)
        path, remove = _write(tensors)
        self._close = finalize(self, remove)
        nothing = InMemory(torch.empty(0), torch.empty(0))
        frame = replace(bundle, train=nothing, validation=nothing, test=nothing, scored_only=None)
        self.mapped = MappedData(path, frame)

    def close(self) -> None:
        """Remove the file; existing mappings remain valid."""
        self._close()


def can_be_mapped(bundle: DataBundle) -> bool:
    """Return whether a data bundle can be sent as a file."""
    splits = [getattr(bundle, split) for split in _SPLITS]
    # A collate function may be impossible to send to another process, for example a lambda.
    if bundle.collate is not None or not all(isinstance(split, InMemory) for split in splits):
        return False
    # Instances of subclasses would be loaded as plain tensors.
    return all(
        type(tensor) is Tensor and tensor.device.type == "cpu"
        for split in splits
        for tensor in (split.inputs, split.targets)
    )


def _keys(split: str) -> tuple[str, str]:
    return f"{split}.inputs", f"{split}.targets"


def _compact(tensor: Tensor) -> Tensor:
    # torch.save writes the whole storage, even for a view of a part of it.
    tensor = tensor.detach()
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def _write(tensors: dict[str, Tensor]) -> tuple[str, Callable[[], None]]:
    """Return the path of a file with the tensors, and a function that removes it."""
    # The kernel may not support such files, or have no room for another.
    with suppress(AttributeError, OSError):
        return _write_in_memory(tensors)
    return _write_on_disk(tensors)


def _write_in_memory(tensors: dict[str, Tensor]) -> tuple[str, Callable[[], None]]:
    import fcntl

    descriptor = os.memfd_create("lemur-data", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        _save(tensors, descriptor)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(descriptor)
        raise
    return f"/proc/{os.getpid()}/fd/{descriptor}", partial(os.close, descriptor)


def _write_on_disk(tensors: dict[str, Tensor]) -> tuple[str, Callable[[], None]]:
    descriptor, path = tempfile.mkstemp(prefix="lemur-data-")
    try:
        _save(tensors, descriptor)
        os.close(descriptor)
        Path(path).chmod(0o400)
    except BaseException:
        _remove(path)
        raise
    return path, partial(_remove, path)


def _save(tensors: dict[str, Tensor], descriptor: int) -> None:
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            torch.save(tensors, file)
    # torch raises RuntimeError if a write fails.
    except RuntimeError as error:
        raise OSError(str(error)) from error


def _remove(path: str) -> None:
    # Windows does not remove a file that a process has mapped.
    with suppress(OSError):
        Path(path).unlink()
