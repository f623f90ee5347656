"""Whether the kernel ended a process because memory ran out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# A line "oom_kill N" each: of the container, where it has a group of its own, and of the machine.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


class KernelKills:
    """Counts the processes that Linux ended for want of memory.

    Where it does not tell, none is ever counted.
    """

    def __init__(self, counters: Sequence[Path] = _COUNTERS) -> None:
        self._counters = counters
        self.look()

    def look(self) -> None:
        """Count from here on."""
        self._seen = self._count()

    def happened(self) -> bool:
        """Return whether there was one since it was last looked."""
        before = self._seen
        self.look()
        return self._seen > before

    def _count(self) -> int:
        return sum(map(_kills, self._counters))


def _kills(counter: Path) -> int:
    try:
        lines = counter.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
