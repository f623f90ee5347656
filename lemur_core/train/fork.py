"""A process that is forked for one trial, from one that holds no net."""

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
"""Trains what it reads, and writes its messages, each without a line feed."""

IGNORED = tuple(
    number
    for name in ("SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM")
    if (number := getattr(signal, name, None)) is not None
)
"""Signals that the process that forks ignores."""

_READ_BYTES = 2**16


def forks_for(device: str) -> bool:
    """Return whether a worker forks a process for each trial on a device.

    What a GPU's driver holds cannot be forked, nor can the frameworks of macOS; there a process
    trains several trials of one net.
    """
    return sys.platform == "linux" and device == "cpu"


class Fork:
    """A copy of this process that trains the trial that it is sent.

    What it writes is read here without waiting, a message a line: it may write half of one.

    Args:
        train: What it does.
        closed: Connections of this process that it has no business with.

    Attributes:
        process: The process.
        is_over: Whether it has ended or is to.
    """

    def __init__(self, train: Train, closed: Sequence[Connection[Any, Any]]) -> None:
        reads, self._words = multiprocessing.Pipe(duplex=False)
        self._output, writes = os.pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(
            target=_run, args=(train, reads, writes, (*closed, self._words), self._output)
        )
        with warnings.catch_warnings():
            # Libraries may have threads that wait for work; none of ours holds a lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        reads.close()
        os.close(writes)
        os.set_blocking(self._output, False)
        assert self.process.pid is not None
        self._ended = descriptor_of(self.process.pid)
        self._begun, self._is_open, self.is_over = bytearray(), True, False

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    def send(self, word: object) -> None:
        """Send it its trial, or an answer."""
        # Where it has ended, that is found when it is next read.
        with suppress(ConnectionError):
            self._words.send(word)

    def output(self) -> list[int]:
        """Return the descriptor that is ready when it wrote something."""
        return [self._output] if self._is_open else []

    def end(self) -> list[int]:
        """Return the descriptor that is ready once it has ended; none if the kernel has none."""
        return [] if self._ended is None else [self._ended]

    def message(self) -> bytes | None:
        """Return the next message that is whole; None if there is none.

        What is too long to be a message is returned as an empty one, which is none.
        """
        while b"\n" not in self._begun:
            if len(self._begun) > MAX_BYTES:
                return b""
            if not self._read():
                return None
        message, _, self._begun = self._begun.partition(b"\n")
        return bytes(message)

    def has_ended(self) -> bool:
        """Return whether it has ended."""
        return not self.process.is_alive()

    def kill(self) -> None:
        """End it, without waiting until it has."""
        self.is_over = True
        self.process.kill()

    def close(self) -> int | None:
        """Wait until it has ended, and return its exit status."""
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        self._words.close()
        for descriptor in (self._output, *self.end()):
            os.close(descriptor)
        return code

    def _read(self) -> bool:
        try:
            read = os.read(self._output, _READ_BYTES) if self._is_open else b""
        except BlockingIOError:
            return False
        self._is_open = bool(read)
        self._begun += read
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
        rest = memoryview(message + b"\n")
        while rest:
            rest = rest[os.write(writes, rest) :]

    # The process that forked this one may be ended at any time.
    with suppress(EOFError, ConnectionError):
        train(reads.recv, write)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    # What nets registered to be done at exit is not waited for.
    os._exit(0)


def _stand_alone() -> None:
    parent = os.getppid()
    os.setsid()
    # Its orphans stay its own until it has ended: then all that is left is of this trial.
    adopt_orphans()
    signal_on_parent_death(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for number in IGNORED:
        signal.signal(number, signal.SIG_DFL)
    prefer_for_killing()
    _leave_tracker()


def prefer_for_killing() -> None:
    """Have Linux end this process first where memory runs out, and not the campaign."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _leave_tracker() -> None:
    # It is the campaign's; what this process tracks is for one of its own.
    tracker: Any = resource_tracker._resource_tracker
    if (descriptor := getattr(tracker, "_fd", None)) is not None:
        os.close(descriptor)
        tracker._fd = tracker._pid = None
