"""What the processes of a net take, seen from outside.

The process that nets are forked from is not counted, nor the memory that a fork still shares with
it. A page that several forks share is counted once.
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
    from collections.abc import Iterator, Sequence

_INODE_BYTES = 1024
_PAGE_BYTES = 4096 if os.name == "nt" else os.sysconf("SC_PAGE_SIZE")
_FIELD = re.compile(rb"^(\w+): +(\d+) kB$", re.MULTILINE)
_HELD = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$", re.MULTILINE)
_KEEPER = "1"
_REST = 4


class UsageSample(NamedTuple):
    """What the processes of a net take together.

    Attributes:
        processes: How many there are; threads are not counted.
        memory_bytes: Their memory.
    """

    processes: int
    memory_bytes: int


class Usage(Protocol):
    """Sees what the processes of a net take."""

    def look(self, enough: int) -> UsageSample:
        """Return what they take.

        Args:
            enough: Up to so many bytes of memory an upper bound, found sooner, will do.
        """

    def close(self) -> None:
        """Look no more."""


class NamespaceUsage:
    """What is taken in the namespaces of a box, but by its first process.

    Args:
        keeper: The first process, by its number here.
        folders: What can be written to in it: file systems in memory.
        shares: Whether its processes can share memory that is in no file of these folders; then
            what they map of such files is counted twice.

    Raises:
        OSError: It cannot be seen into.
    """

    def __init__(self, keeper: int, folders: Sequence[str], shares: bool) -> None:
        # Held open, so that it is never another process's that has the number later.
        self._root = os.open(f"/proc/{keeper}/root", os.O_PATH | os.O_DIRECTORY)
        root = Path(f"/proc/self/fd/{self._root}")
        self._processes, self._shares = root / "proc", shares
        self._folders = [f"{root}{folder}" for folder in folders]
        self._looked = self._took_s = 0.0
        self._exact = self._exact_bytes(self._folders_bytes())

    def close(self) -> None:  # noqa: D102
        os.close(self._root)

    def look(self, enough: int) -> UsageSample:  # noqa: D102
        names = list(self._names())
        return UsageSample(len(names), self._memory_bytes(names, enough))

    def _memory_bytes(self, names: Sequence[str], enough: int) -> int:
        files = self._folders_bytes()
        bound = files + sum(map(self._anonymous_bytes, names))
        if bound <= enough and not self._shares:
            return bound
        began = time.monotonic()
        # It takes milliseconds for each process; looking shall take a part of the time only.
        if began - self._looked > _REST * self._took_s:
            self._exact = self._exact_bytes(files)
            self._looked = time.monotonic()
            self._took_s = self._looked - began
        return self._exact

    def _names(self) -> Iterator[str]:
        for name in os.listdir(self._processes):
            if name.isdecimal() and name != _KEEPER:
                yield name

    def _folders_bytes(self) -> int:
        """Return the memory of files, mapped or not, and of their inodes, be they empty."""
        taken = 0
        for found in map(os.statvfs, self._folders):
            taken += (found.f_blocks - found.f_bfree) * found.f_frsize
            taken += (found.f_files - found.f_ffree) * _INODE_BYTES
        return taken

    def _anonymous_bytes(self, name: str) -> int:
        """Return the memory of a process that is no file's; it may share it with others."""
        # What ends meanwhile takes nothing.
        try:
            fields = (self._processes / name / "statm").read_bytes().split()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES

    def _exact_bytes(self, files: int) -> int:
        """Return the proportional parts of all processes, less all that the first one has."""
        own = self._fields(_KEEPER)
        # Where the first process has ended all others end, and share with it no more.
        if not own:
            return files
        taken = files + own["Pss_Anon"] + own["SwapPss"] - own["Anonymous"] - own["Swap"]
        for found in map(self._fields, self._names()):
            taken += found["Pss_Anon"] + found["SwapPss"]
            if self._shares:
                taken += found["Pss_Shmem"]
        return max(0, taken)

    def _fields(self, name: str) -> Counter[str]:
        """Return what the kernel adds up of a process's mappings, in bytes; nothing if it ended."""
        try:
            text = (self._processes / name / "smaps_rollup").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            text = b""
        found = _FIELD.findall(text)
        return Counter({field.decode(): int(number) * 1024 for field, number in found})


class FamilyUsage:
    """What is taken by the processes below one, where there are no namespaces.

    Memory that forks share among each other is counted for each.

    Args:
        keeper: That process.
    """

    def __init__(self, keeper: int) -> None:
        self._keeper = keeper

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def look(self, enough: int) -> UsageSample:  # noqa: D102
        family = self._family()
        return UsageSample(len(family), sum(map(_bytes, family)))

    def _family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._keeper).children(recursive=True)
        except psutil.Error:
            return []


def _bytes(process: psutil.Process) -> int:
    """Return the memory of a process but that of files on a disk."""
    try:
        if sys.platform == "linux":
            text = Path(f"/proc/{process.pid}/status").read_bytes()
            return sum(int(number) * 1024 for number in _HELD.findall(text))
        return int(process.memory_info().rss)
    except (psutil.Error, OSError):
        return 0
