"""What nets leave behind: ended, removed, and looked for where it cannot be removed."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lemur_check.folders import empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHARED_MEMORY, _QUEUES = Path("/dev/shm"), Path("/dev/mqueue")  # noqa: S108
_IPC = Path("/proc/sysvipc")
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
_ROUNDS = 100


class Sweep:
    """Removes what a net left, and tells whether all is as it was before.

    Args:
        scratch: The folder that nets write to.
        alone: Whether this process is the first of its own namespaces, in which all else is a
            net's.
    """

    def __init__(self, scratch: Path, alone: bool) -> None:
        self._alone = alone
        self._folders = [scratch, _SHARED_MEMORY] if alone else [scratch]

    def prepare(self) -> None:
        """Note how things are before a net is run."""
        for folder in self._folders:
            empty(folder)
        self._before = self._state()

    def finish(self, child: int) -> bool:
        """End all that a net left running, and return whether nothing of it is left.

        Args:
            child: The process that it was run in, the first of a group.
        """
        if self._alone:
            _end_all()
        else:
            _end_family(child)
        # All of them are emptied, also when one cannot be.
        emptied = [empty(folder) for folder in self._folders]
        return all(emptied) and self._state() == self._before

    def _state(self) -> Sequence[object]:
        """Return what a net can change that outlives it, where that is a net's alone."""
        state = [*_own_state(), *map(_folder_state, self._folders)]
        if self._alone:
            state += [(folder, os.statvfs(folder)[2:7]) for folder in self._folders]
            state += [file.read_text() for file in sorted(_IPC.iterdir())]
            state += [sorted(os.listdir(_QUEUES))]
        return state


def _end_all() -> None:
    """End and await all other processes of the namespace."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _end_family(child: int) -> None:
    """End a process group, and all processes below this one: orphans come to it on Linux."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    for _ in range(_ROUNDS):
        # While these are ended they may start others.
        family = psutil.Process().children(recursive=True)
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=1)
        if not family:
            return


def _own_state() -> Iterator[object]:
    """Yield what another process can change of this one, which nets would then inherit."""
    yield from map(resource.getrlimit, _LIMITS)
    yield os.getpriority(os.PRIO_PROCESS, 0)
    if hasattr(os, "sched_getaffinity"):
        yield os.sched_getaffinity(0)
        yield os.sched_getscheduler(0)
    for name in ("oom_score_adj", "coredump_filter"):
        with suppress(OSError):
            yield Path(f"/proc/self/{name}").read_text()


def _folder_state(folder: Path) -> tuple[object, ...]:
    attributes = os.listxattr(folder) if hasattr(os, "listxattr") else ()
    return folder.stat().st_mode, tuple(attributes)
