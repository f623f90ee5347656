"""End the processes that a process started, including those that left its process group.

On Linux an orphan becomes a child of its nearest ancestor that adopts orphans, so no process can
leave the tree of such an ancestor.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection

IS_LINUX = sys.platform == "linux"
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
# A process blocked in the kernel, for example reading from a lost disk, cannot be killed.
_PATIENCE_S = 5.0
_PAUSE_S = 0.002
_ROUNDS = 100


def adopt_orphans() -> None:
    """Become the parent of each descendant whose parent ends; on Linux only."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def signal_on_parent_death(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends; on Linux only.

    An uncatchable signal ends the process even if a call that never returns holds the
    interpreter's lock.
    """
    _prctl(_SET_PARENT_DEATH_SIGNAL, number)


def end_children(spared: Collection[int] = ()) -> None:
    """Kill the children of this process, and the orphans that it then adopts.

    Args:
        spared: Process ids of children that are not killed.
    """
    until = time.monotonic() + _PATIENCE_S
    while (children := _children() - set(spared)) and time.monotonic() < until:
        for child in children:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        reaped = [child for child in children if _is_reaped(child)]
        if not reaped:
            time.sleep(_PAUSE_S)


def end_tree(pid: int) -> None:
    """Kill a process and all its descendants from outside."""
    try:
        root = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return
    # Stop it, so that it starts no other process in the meantime.
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        root.suspend()
    # Descendants may start others while they are being ended.
    for _ in range(_ROUNDS):
        if not _kill(_living_descendants(root)):
            break
    _kill([root])


def _kill(processes: Collection[psutil.Process]) -> bool:
    """Kill processes; return whether there were any."""
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()
    return bool(processes)


def _living_descendants(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [child for child in root.children(recursive=True) if _is_alive(child)]
    # The process has ended, or the system hides others.
    except psutil.Error:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _children() -> set[int]:
    try:
        lists = [file.read_text() for file in Path("/proc/self/task").glob("*/children")]
    except OSError:
        lists = []
    if lists:
        return {int(pid) for text in lists for pid in text.split()}
    # The kernel was built without these lists.
    return {child.pid for child in psutil.Process().children()}


def _is_reaped(child: int) -> bool:
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def _prctl(option: int, value: int) -> None:
    if IS_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
