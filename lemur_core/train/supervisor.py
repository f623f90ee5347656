"""Train each trial in a process forked for it, so that none sees what another did.

The process that forks has imported what trials need and holds their data, and runs no net. The next
trial's process is forked while one trains, and ready when it is needed.
"""

from __future__ import annotations

import gc
import signal
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from lemur_core.train.fork import IGNORED, Fork, Train
from lemur_core.train.huge_pages import gather
from lemur_core.train.jobs import EndTrial, TrialJob
from lemur_core.train.messages import Began, Ended, Frame, Message, encode, is_outcome
from lemur_core.train.process_tree import adopt_orphans, end_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.trial import TrialDecision

# How often to look for processes that ended where the kernel has no descriptors of them.
_LOOK_S = 0.05
# The trial from which on there are likely to be so many that it is worth its time.
_GATHER_AT = 8


class Supervisor:
    """Trains one trial after another, and passes on what each says.

    Of a trial one message is passed on, then the campaign's answer awaited: what a net sends
    besides stays in the pipe to its process.

    Args:
        connection: To the campaign.
        train: What a forked process does.
    """

    def __init__(self, connection: Connection[Any, Any], train: Train) -> None:
        self._connection, self._train = connection, train
        self._job, self._is_answered = 0, True
        self._current: Fork | None = None
        self._spare: Fork | None = None
        self._ending: list[Fork] = []
        adopt_orphans()
        # What a net sends to its parent; the process above ends this one by what cannot be ignored.
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        # Kept out of collections, whose marks would copy every page of what is shared.
        gc.collect()
        gc.freeze()

    def words(self) -> Iterator[Any]:
        """Yield each word of the campaign that is not for a trial under way.

        Raises:
            EOFError: The campaign has closed the connection, or ended.
        """
        while True:
            ready = wait(self._handles(), self._look_s())
            if self._current is not None:
                self._pass_on(self._current)
            if any(fork.has_ended() for fork in self._ending):
                self._clear()
            if self._connection in ready:
                word = self._connection.recv()
                if isinstance(word, TrialJob):
                    yield word
                else:
                    self._hear(word)
            elif self._current is not None and self._spare is None:
                self._spare = self._fork()

    def begin(self, job: TrialJob) -> None:
        """Begin to train a trial, whose data this process holds."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.has_ended():
            self._end(spare)
            spare = None
        self._current = spare or self._fork()
        self._job, self._is_answered = job.number, True
        self._say(Began(self._current.pid))
        self._current.send(job)
        if job.number == _GATHER_AT:
            gather()

    def discard_spare(self) -> None:
        """End the process for the next trial, which lacks what this one has learned since."""
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

    def _look_s(self) -> float | None:
        if self._current is not None and self._spare is None:
            return 0
        forks = [*self._ending, *filter(None, [self._current])]
        return None if all(fork.end() for fork in forks) else _LOOK_S

    def _pass_on(self, current: Fork) -> None:
        if not self._is_answered:
            return
        # Asked before its messages are read, so that none is missed.
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
            self._say(Ended(code))

    def _hear(self, word: TrialDecision | EndTrial) -> None:
        if isinstance(word, EndTrial):
            if self._current is not None:
                self._end_current()
            # Only once all of it has ended is its memory free.
            self._clear()
            self._job = word.number
            self._say(Ended(None))
        elif self._current is not None:
            self._is_answered = True
            self._current.send(word)

    def _end_current(self) -> None:
        if self._current is not None:
            self._end(self._current)
        self._current = None

    def _end(self, fork: Fork) -> None:
        fork.kill()
        self._ending.append(fork)

    def _clear(self) -> None:
        """Wait until what was ended has ended, and end what it left."""
        for fork in self._ending:
            fork.close()
        self._ending.clear()
        end_children([fork.pid for fork in (self._current, self._spare) if fork is not None])

    def _say(self, message: Message) -> None:
        self._connection.send_bytes(Frame(self._job, False, encode(message)).packed())
