"""Train each trial in a forked process, so that trials cannot affect each other.

The forking process has imported the modules that trials need and holds their data, but runs no
net. The process for the next trial is forked while a trial trains, so that it is ready in time.
"""

from __future__ import annotations

import gc
import signal
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from lemur_core.train.fork import IGNORED, Fork, Train
from lemur_core.train.huge_pages import collapse_memory
from lemur_core.train.jobs import EndTrial, TrialJob
from lemur_core.train.messages import Began, Ended, Frame, Message, encode, is_outcome
from lemur_core.train.process_tree import adopt_orphans, end_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.trial import TrialDecision

# Polling interval for ended processes if the kernel has no descriptors of them.
_POLL_S = 0.05
# At the job with this number memory is gathered: enough trials are then likely to follow.
_GATHER_AT = 8


class Supervisor:
    """Trains one trial after another, and forwards their messages.

    After each forwarded message it waits for the campaign's answer; other messages of the net stay
    in the pipe to its process.

    Args:
        connection: Connection to the campaign.
        train: Function that a forked process calls.
    """

    def __init__(self, connection: Connection[Any, Any], train: Train) -> None:
        self._connection, self._train = connection, train
        self._job, self._is_answered = 0, True
        self._current: Fork | None = None
        self._spare: Fork | None = None
        self._ending: list[Fork] = []
        adopt_orphans()
        # A net may send these signals to its parent; the guardian ends this process with SIGKILL.
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        # Garbage collection would write to, and so copy, all shared pages.
        gc.collect()
        gc.freeze()

    def jobs(self) -> Iterator[TrialJob]:
        """Yield each job that the campaign sends, and handle its messages about the current trial.

        Raises:
            EOFError: The campaign has closed the connection or ended.
        """
        while True:
            ready = wait(self._handles(), self._poll_s())
            if self._current is not None:
                self._forward(self._current)
            if any(fork.has_ended() for fork in self._ending):
                self._clear()
            if self._connection in ready:
                message = self._connection.recv()
                if isinstance(message, TrialJob):
                    yield message
                else:
                    self._handle(message)
            elif self._current is not None and self._spare is None:
                self._spare = self._fork()

    def begin(self, job: TrialJob) -> None:
        """Start to train a trial, whose data this process holds."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.has_ended():
            self._end(spare)
            spare = None
        self._current = spare or self._fork()
        self._job, self._is_answered = job.number, True
        self._send(Began(self._current.pid))
        self._current.send(job)
        if job.number == _GATHER_AT:
            collapse_memory()

    def discard_spare(self) -> None:
        """End the process for the next trial, which lacks data that was loaded after its fork."""
        if self._spare is not None:
            self._end(self._spare)
            self._spare = None

    def _fork(self) -> Fork:
        return Fork(self._train, [self._connection])

    def _handles(self) -> list[Any]:
        handles: list[Any] = [self._connection]
        for fork in self._ending:
            handles += fork.end()
        if self._current is not None and self._is_answered:
            handles += self._current.output() + self._current.end()
        return handles

    def _poll_s(self) -> float | None:
        if self._current is not None and self._spare is None:
            return 0
        forks = [*self._ending, *filter(None, [self._current])]
        return None if all(fork.end() for fork in forks) else _POLL_S

    def _forward(self, current: Fork) -> None:
        if not self._is_answered:
            return
        # Checked before messages are read, so that none is missed.
        has_ended = current.has_ended()
        message = current.message()
        if message is not None:
            self._is_answered = False
            if is_outcome(message):
                self._end_current()
            self._connection.send_bytes(Frame(self._job, True, message).packed())
        elif has_ended:
            code = current.process.exitcode
            self._end_current()
            self._clear()
            self._send(Ended(code))

    def _handle(self, message: TrialDecision | EndTrial) -> None:
        if isinstance(message, EndTrial):
            if self._current is not None:
                self._end_current()
            # Its memory is free only when all its processes have ended.
            self._clear()
            self._job = message.number
            self._send(Ended(None))
        elif self._current is not None:
            self._is_answered = True
            self._current.send(message)

    def _end_current(self) -> None:
        if self._current is not None:
            self._end(self._current)
        self._current = None

    def _end(self, fork: Fork) -> None:
        fork.kill()
        self._ending.append(fork)

    def _clear(self) -> None:
        """Wait for the ended forks, and end the processes that they left behind."""
        for fork in self._ending:
            fork.close()
        self._ending.clear()
        end_children([fork.pid for fork in (self._current, self._spare) if fork is not None])

    def _send(self, message: Message) -> None:
        self._connection.send_bytes(Frame(self._job, False, encode(message)).packed())
