"""Start processes of our own, which import nothing of a user's script."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess


class SpawnedProcess(NamedTuple):
    """A process, and the pipe to it.

    Attributes:
        process: The process.
        connection: The pipe.
        output: What it prints; None where that is printed at once.
    """

    process: SpawnProcess
    connection: Connection[Any, Any]
    output: Connection[Any, Any] | None = None


def spawn(target: Callable[..., object], *args: object) -> SpawnedProcess:
    """Start a process that calls this with its end of a pipe and these arguments.

    It ignores interrupts unless it says otherwise: Ctrl-C reaches all processes of a terminal, and
    it is for the one that was started by hand to say what they do then.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args))
    with _main_module_left_alone(), _interrupts_ignored(), warnings.catch_warnings():
        # A net may have ended multiprocessing's tracker, which is then started again.
        warnings.filterwarnings("ignore", "resource_tracker: process died", UserWarning)
        process.start()
    theirs.close()
    return SpawnedProcess(process, ours)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    # Ctrl-C reaches all processes of a terminal; one that is just starting would die of it.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _main_module_left_alone() -> Iterator[None]:
    # A spawned process imports the main module anew, which would run a user's script again; ours
    # need nothing of it.
    module = sys.modules["__main__"]
    kept = {
        name: vars(module).pop(name) for name in ("__file__", "__spec__") if hasattr(module, name)
    }
    module.__spec__ = None
    try:
        yield
    finally:
        vars(module).update(kept)
