"""Fork a process for one trial from a process that holds no net."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lemur_core.train.guardian import descriptor_of
from lemur_core.train.messages import MAX_BYTES
from lemur_core.train.process_tree import adopt_orphans, signal_on_parent_death

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Read = Callable[[], Any]
Write = Callable[[bytes], None]
Train = Callable[[Read, Write], None]
"""Trains the trial that it reads, and writes messages, each without a line feed."""

IGNORED = tuple(
    number
    for name in ("SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM")
    if (number := getattr(signal, name, None)) is not None
)
"""Signals that the forking process ignores."""

_READ_BYTES = 2**16


def forks_for(device: str) -> bool:
    """Return whether a worker forks a process for each trial on a device.

    The state of a GPU's driver cannot be forked, nor can macOS frameworks; there one process trains
    several trials of one net.
    """
    return sys.platform == "linux" and device == "cpu"


class Fork:
    """A copy of this process that trains the trial that it is sent.

    Its output is read without blocking, one message per line; it may have written half a message.

    Args:
        train: Function that the copy calls.
        closed: Connections of this process that the copy closes.

    Attributes:
        process: The process.
        is_over: Whether the process was killed.
    """

    def __init__(self, train: Train, closed: Sequence[Connection[Any, Any]]) -> None:
        reads, self._input = multiprocessing.Pipe(duplex=False)
        self._output, writes = os.pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(
            target=_run, args=(train, reads, writes, (*closed, self._input), self._output)
        )
        with warnings.catch_warnings():
            # Libraries may have threads that wait for work; none of lemur's threads holds a lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        reads.close()
        os.close(writes)
        os.set_blocking(self._output, False)
        assert self.process.pid is not None
        self._ended = descriptor_of(self.process.pid)
        self._buffer, self._is_open, self.is_over = bytearray(), True, False

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process.pid is not None
        return self.process.pid

    def send(self, message: object) -> None:
        """Send the process its trial, or a decision."""
        # The next read detects whether the process has ended.
        with suppress(ConnectionError):
            self._input.send(message)

    def output(self) -> list[int]:
        """Return the descriptor that is ready when the process has written; none at its end."""
        return [self._output] if self._is_open else []

    def end(self) -> list[int]:
        """Return the descriptor that is ready once the process has ended, if the kernel has one."""
        return [] if self._ended is None else [self._ended]

    def message(self) -> bytes | None:
        """Return the next complete message; None if there is none.

        An empty message is returned if the output is too long for a message; no message is empty.
        """
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_BYTES:
                return b""
            if not self._read():
                return None
        message, _, self._buffer = self._buffer.partition(b"\n")
        return bytes(message)

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return not self.process.is_alive()

    def kill(self) -> None:
        """Kill the process, without waiting for its end."""
        self.is_over = True
        self.process.kill()

    def close(self) -> int | None:
        """Wait until the process has ended, and return its exit status."""
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        self._input.close()
        for descriptor in (self._output, *self.end()):
            os.close(descriptor)
        return code

    def _read(self) -> bool:
        try:
            read = os.read(self._output, _READ_BYTES) if self._is_open else b""
        except BlockingIOError:
            return False
        self._is_open = bool(read)
        self._buffer += read
        return bool(read)


def _run(
    train: Train,
    reads: Connection[Any, Any],
    writes: int,
    closed: Sequence[Connection[Any, Any]],
    output: int,
) -> NoReturn:
    for connection in closed:
        connection.close()
    os.close(output)
    _stand_alone()

    def write(message: bytes) -> None:
        remaining = memoryview(message + b"\n")
        while remaining:
            remaining = remaining[os.write(writes, remaining) :]

    # The forking process may end at any time.
    with suppress(EOFError, ConnectionError):
        train(reads.recv, write)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    # Skip functions that nets registered with atexit.
    os._exit(0)


def _stand_alone() -> None:
    parent = os.getppid()
    os.setsid()
    # As it adopts orphans, every process that it leaves behind belongs to this trial.
    adopt_orphans()
    signal_on_parent_death(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    prefer_for_killing()
    _leave_tracker()


def prefer_for_killing() -> None:
    """Have Linux kill this process before the campaign if memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _leave_tracker() -> None:
    # The inherited tracker is the campaign's; this process starts its own if it needs one.
    tracker: Any = resource_tracker._resource_tracker
    if (descriptor := getattr(tracker, "_fd", None)) is not None:
        os.close(descriptor)
        tracker._fd = tracker._pid = None
