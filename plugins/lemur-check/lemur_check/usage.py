"""Measure the processes and memory of a net from outside.

The process that nets are forked from is not counted, nor is the memory that a fork still shares
with it. A page shared by several forks is counted once.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_INODE_BYTES = 1024
_PAGE_BYTES = 4096 if os.name == "nt" else os.sysconf("SC_PAGE_SIZE")
_FIELD = re.compile(rb"^(\w+): +(\d+) kB$", re.MULTILINE)
_PRIVATE_FIELD = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$", re.MULTILINE)
_KEEPER = "1"
_MIN_PAUSE_RATIO = 4


class UsageSample(NamedTuple):
    """The processes and memory of a net at one time.

    Attributes:
        processes: Number of processes; threads are not counted.
        memory_bytes: Their memory; 0, not measured, if there are more processes than allowed.
    """

    processes: int
    memory_bytes: int


class Usage(Protocol):
    """Measures the processes and memory of a net."""

    def look(self, enough: int) -> UsageSample:
        """Return the current usage.

        Args:
            enough: An upper bound of the memory, which is faster to get, suffices up to this many
                bytes.
        """

    def close(self) -> None:
        """Stop measuring."""


class NamespaceUsage:
    """Measures the usage in a box's namespaces, except that of their first process.

    Args:
        keeper: Process id of the first process, in this namespace.
        folders: The writable folders in the box, which are file systems in memory.
        shares: Whether its processes can share memory that belongs to no file in these folders.
            Files that they map from these folders are then counted twice.
        limit: Number of processes up to which their memory is measured. A fork bomb starts
            processes faster than their memory can be read.

    Raises:
        OSError: The namespaces cannot be read.
    """

    def __init__(self, keeper: int, folders: Sequence[str], shares: bool, limit: int) -> None:
        # Held open so that the id cannot be reused by another process.
        self._root = os.open(f"/proc/{keeper}/root", os.O_PATH | os.O_DIRECTORY)
        root = Path(f"/proc/self/fd/{self._root}")
        self._processes, self._shares, self._limit = root / "proc", shares, limit
        self._folders = [f"{root}{folder}" for folder in folders]
        self._measured_at_s = self._duration_s = 0.0
        self._exact = self._exact_bytes(self._folders_bytes(), ())

    def close(self) -> None:  # noqa: D102
        os.close(self._root)

    def look(self, enough: int) -> UsageSample:  # noqa: D102
        try:
            names = list(self._names())
            memory_bytes = 0 if len(names) > self._limit else self._memory_bytes(names, enough)
        except (FileNotFoundError, ProcessLookupError):
            # The namespaces have ended with their first process.
            return UsageSample(0, 0)
        return UsageSample(len(names), memory_bytes)

    def _memory_bytes(self, names: Sequence[str], enough: int) -> int:
        files = self._folders_bytes()
        bound = files + sum(map(self._anonymous_bytes, names))
        if bound <= enough and not self._shares:
            return bound
        started_s = time.monotonic()
        # The exact measurement takes milliseconds per process; limit its share of the time.
        if started_s - self._measured_at_s > _MIN_PAUSE_RATIO * self._duration_s:
            self._exact = self._exact_bytes(files, names)
            self._measured_at_s = time.monotonic()
            self._duration_s = self._measured_at_s - started_s
        return self._exact

    def _names(self) -> Iterator[str]:
        for name in os.listdir(self._processes):
            if name.isdecimal() and name != _KEEPER:
                yield name

    def _folders_bytes(self) -> int:
        """Return the memory of the files, mapped or not, and of all inodes."""
        total = 0
        for stats in map(os.statvfs, self._folders):
            total += (stats.f_blocks - stats.f_bfree) * stats.f_frsize
            total += (stats.f_files - stats.f_ffree) * _INODE_BYTES
        return total

    def _anonymous_bytes(self, name: str) -> int:
        """Return a process's anonymous memory, which it may share with others."""
        # A process that ended meanwhile takes no memory.
        try:
            fields = (self._processes / name / "statm").read_bytes().split()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES

    def _exact_bytes(self, files: int, names: Iterable[str]) -> int:
        """Return the proportional memory of the processes, less the memory of the first one."""
        keeper = self._fields(_KEEPER)
        # If the first process has ended, so have all others.
        if not keeper:
            return files
        total = (
            files + keeper["Pss_Anon"] + keeper["SwapPss"] - keeper["Anonymous"] - keeper["Swap"]
        )
        for fields in map(self._fields, names):
            total += fields["Pss_Anon"] + fields["SwapPss"]
            if self._shares:
                total += fields["Pss_Shmem"]
        return max(0, total)

    def _fields(self, name: str) -> Counter[str]:
        """Return the kernel's totals of a process's mappings, in bytes; empty if it ended."""
        try:
            text = (self._processes / name / "smaps_rollup").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            text = b""
        matches = _FIELD.findall(text)
        return Counter({field.decode(): int(number) * 1024 for field, number in matches})


class FamilyUsage:
    """Measures the usage of a process's descendants, without namespaces.

    Memory that forks share with each other is counted for each of them.

    Args:
        keeper: Process id of the ancestor.
        limit: Number of descendants up to which their memory is measured.
    """

    def __init__(self, keeper: int, limit: int) -> None:
        self._keeper, self._limit = keeper, limit

    def close(self) -> None:
        """Do nothing, as nothing is held open."""

    def look(self, enough: int) -> UsageSample:  # noqa: D102
        family = self._family()
        if len(family) > self._limit:
            return UsageSample(len(family), 0)
        return UsageSample(len(family), sum(map(_bytes, family)))

    def _family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._keeper).children(recursive=True)
        except psutil.Error:
            return []


def _bytes(process: psutil.Process) -> int:
    """Return the memory of a process, except that of files on disk."""
    try:
        if sys.platform == "linux":
            text = Path(f"/proc/{process.pid}/status").read_bytes()
            return sum(int(number) * 1024 for number in _PRIVATE_FIELD.findall(text))
        return int(process.memory_info().rss)
    except (psutil.Error, OSError):
        return 0
