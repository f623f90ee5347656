"""End and remove what nets leave behind, and detect changes that cannot be undone."""

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
    """Cleans up after a net, and checks that the state is the same as before.

    Args:
        scratch: The folder that nets write to.
        alone: Whether this process is the first of its own namespaces, so that all other processes
            in them belong to a net.
    """

    def __init__(self, scratch: Path, alone: bool) -> None:
        self._alone = alone
        self._folders = [scratch, _SHARED_MEMORY] if alone else [scratch]

    def prepare(self) -> None:
        """Record the state before a net is run."""
        for folder in self._folders:
            empty(folder)
        self._before = self._state()

    def finish(self, child: int) -> bool:
        """End all processes that a net left running, and return whether the state is restored.

        Args:
            child: The process in which the net was run, the leader of a process group.
        """
        if self._alone:
            _end_all()
        else:
            _end_family(child)
        # Empty all folders, even if one of them cannot be emptied.
        emptied = [empty(folder) for folder in self._folders]
        return all(emptied) and self._state() == self._before

    def _state(self) -> Sequence[object]:
        """Return the state that a net can change and that outlives it.

        The state of the IPC objects and folders is only included if it belongs to nets alone.
        """
        state = [*_own_state(), *map(_folder_state, self._folders)]
        if self._alone:
            state += [(folder, os.statvfs(folder)[2:7]) for folder in self._folders]
            state += [file.read_text() for file in sorted(_IPC.iterdir())]
            state += [sorted(os.listdir(_QUEUES))]
        return state


def _end_all() -> None:
    """End all other processes of the namespace, and wait for them."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _end_family(child: int) -> None:
    """End a process group and all descendants of this process, which adopts orphans on Linux."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    for _ in range(_ROUNDS):
        # These processes may start others while they are being ended.
        family = psutil.Process().children(recursive=True)
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=1)
        if not family:
            return


def _own_state() -> Iterator[object]:
    """Yield the attributes of this process that others can change and that nets would inherit."""
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
