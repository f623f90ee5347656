"""Start processes that do not import the user's main module."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection


class Process(Protocol):
    """A process that was started, with the methods of multiprocessing's processes."""

    @property
    def pid(self) -> int | None:
        """The process id; None if it is not known yet."""

    @property
    def exitcode(self) -> int | None:
        """The exit status, negative for a signal; None if it is not known."""

    @property
    def sentinel(self) -> int:
        """A handle that is ready when the process has ended."""

    def is_alive(self) -> bool:
        """Return whether the process has not ended."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until the process has ended, or for at most ``timeout`` seconds."""

    def terminate(self) -> None:
        """Send SIGTERM to the process if it is alive."""

    def kill(self) -> None:
        """Send SIGKILL to the process if it is alive."""

    def close(self) -> None:
        """Release the resources of a process that has ended."""


class SpawnedProcess(NamedTuple):
    """A process and the pipe to it.

    Attributes:
        process: The process.
        connection: This end of the pipe.
        output: Pipe from which the output of the process is read; None if it prints directly.
    """

    process: Process
    connection: Connection[Any, Any]
    output: Connection[Any, Any] | None = None


def spawn(target: Callable[..., object], *args: object) -> SpawnedProcess:
    """Start a process that calls a function with its end of a pipe and further arguments.

    The process ignores interrupts by default: Ctrl-C reaches all processes of a terminal, but only
    the one that the user started decides how to react.

    Args:
        target: The function to call, which must be importable.
        args: Arguments that follow the end of the pipe.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args))
    with _main_module_left_alone(), _interrupts_ignored(), warnings.catch_warnings():
        # If a net ended multiprocessing's resource tracker, Python restarts it with a warning.
        warnings.filterwarnings("ignore", "resource_tracker: process died", UserWarning)
        process.start()
    theirs.close()
    return SpawnedProcess(process, ours)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    # Ctrl-C reaches all processes of a terminal and would kill one that is still starting.
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
    # A spawned process imports the main module, which would run a user's script again, although
    # these processes do not need it.
    module = sys.modules["__main__"]
    attributes = {
        name: vars(module).pop(name) for name in ("__file__", "__spec__") if hasattr(module, name)
    }
    module.__spec__ = None
    try:
        yield
    finally:
        vars(module).update(attributes)
