"""Detect processes that the kernel killed because memory ran out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each has a line "oom_kill N": for the container, if it has its own cgroup, and the machine.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))


class KernelKills:
    """Detects processes that Linux killed because memory ran out.

    On systems without the counters, none is ever detected.
    """

    def __init__(self, counters: Sequence[Path] = _COUNTERS) -> None:
        self._counters = counters
        self.reset()

    def reset(self) -> None:
        """Ignore kills up to this point."""
        self._seen = self._count()

    def occurred(self) -> bool:
        """Return whether there was a kill since the last call or `reset`."""
        before = self._seen
        self.reset()
        return self._seen > before

    def _count(self) -> int:
        return sum(map(_kills, self._counters))


def _kills(counter: Path) -> int:
    try:
        lines = counter.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
