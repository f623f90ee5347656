"""Check whether loader processes can transfer samples through shared memory."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

# Folder of shared memory on Linux; nothing is written there by name.
_FOLDER = Path("/dev/shm")  # noqa: S108
# Batches that each process prepares in advance, and the one that it is working on.
_PREPARED_BATCHES = 3


def has_room_for(batch_bytes: int, processes: int) -> bool:
    """Return whether each of these processes can have a few batches of that size ready.

    In a container, shared memory is often 64 MiB or missing. The kernel kills a process that
    exceeds it.
    """
    if sys.platform != "linux":
        return True
    try:
        free = shutil.disk_usage(_FOLDER).free
    except OSError:
        return False
    return free >= _PREPARED_BATCHES * processes * batch_bytes


def nbytes(value: Any) -> int:
    """Return the size in bytes of the tensors in a sample, including lists and mappings of them."""
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(map(nbytes, value.values()))
    return sum(map(nbytes, value)) if isinstance(value, list | tuple) else 0
