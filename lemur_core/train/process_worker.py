"""Train trials in processes of their own, so that whatever a net does costs its trial alone."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lemur_core.notices import Output
from lemur_core.train.attempt import REASON_LENGTH
from lemur_core.train.conversation import Conversation
from lemur_core.train.fork import forks_for
from lemur_core.train.jobs import EndTrial, SharedData, TrialJob
from lemur_core.train.limits import LimitReachedError, LimitWatch, TrialLimits
from lemur_core.train.memory import KernelKills
from lemur_core.train.messages import (
    MAX_BYTES,
    READY,
    Began,
    Ended,
    Frame,
    Message,
    MessageError,
    decode,
)
from lemur_core.train.process_tree import IS_LINUX, end_tree
from lemur_core.trial import Epoch, Outcome, State, Trial, TrialDecision

if TYPE_CHECKING:
    from collections.abc import Collection
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from lemur_core.entry import Entry
    from lemur_core.pipeline import Pipeline
    from lemur_core.spawn import SpawnedProcess
    from lemur_core.train.data import Bundles, Key
    from lemur_core.train.start import WorkerStart

_END_S = 5.0
# What a frame adds to a message.
_FRAME_BYTES = 32
_NO_MESSAGE = "its process sent what is no message of a trial"


class ProcessWorker:
    """Trains in a process, started when it is needed, and again when a trial ended it.

    Args:
        bundles: The data; what is held in memory is shared with the process, not copied.
        limits: What a trial may take.
        device: The torch device that its trials are for.
        start: Starts a process.
        started: One that was started already.

    Attributes:
        notices: Lines that its processes warned with, the oldest first; whoever asks takes them.
    """

    def __init__(
        self,
        bundles: Bundles,
        limits: TrialLimits,
        device: str,
        start: WorkerStart,
        started: SpawnedProcess | None = None,
    ) -> None:
        self.bundles, self.limits, self.device = bundles, limits, device
        self._start = start
        self._process: SpawnProcess | None = None
        self._connection: Connection[Any, Any] | None = None
        self._output: tuple[Connection[Any, Any], Output] | None = None
        self._sent: set[Key] = set()
        self.notices: deque[str] = deque()
        self._kills = KernelKills()
        self._was_used = self._has_failed = False
        self._net: Entry | None = None
        self._job = 0
        if started is not None:
            self._take(started)

    def begin(self, trial: Trial) -> None:
        """Begin to train a trial, in a process that is started first where none runs.

        Where processes are not forked for each trial, one trains trials of one net, and none after
        one that failed.
        """
        if self._process is None or not self._process.is_alive() or self._is_spoilt(trial):
            self.kill()
            self._take(self._start())
        self._conversation, self._net, self._was_used = Conversation(trial), _net_of(trial), True
        self._kills.look()
        self._watch.begin(len(trial.done) + 1)
        dropped = tuple(key for key in self._sent if not self.bundles.holds(key))
        self._sent.difference_update(dropped)
        self._job += 1
        self._send(TrialJob(self._job, trial, self._unsent(trial.pipeline), dropped))

    def receive(self) -> Epoch | Outcome | None:
        """Return what the process says of its trial; None where it says nothing yet.

        A process that ended, took more than its trial may, or sent what a trial cannot say at that
        point, is the trial's failure.
        """
        self._read_output()
        try:
            told = self._heard()
            if told is None:
                self._watch.check()
        except _EndedError as end:
            return self._failed(end.reason)
        except MessageError as error:
            self._end_trial()
            text = str(error)
            return self._failed(f"{_NO_MESSAGE}: {text}"[:REASON_LENGTH] if text else _NO_MESSAGE)
        except LimitReachedError as limit:
            self._end_trial()
            return self._failed(str(limit))
        if isinstance(told, Outcome):
            self._has_failed = told.state is State.FAILED
        return told

    def answer(self, verdict: TrialDecision) -> None:
        """Say, to an epoch that it told, whether to go on."""
        self._watch.epoch_ended()
        self._conversation.answered(verdict)
        self._send(verdict)

    def handles(self) -> Collection[Any]:
        """Return the pipe to the process, its end, and what it prints."""
        assert self._process is not None
        printed = [self._output[0]] if self._output and self._output[1].is_open else []
        # On Linux what a net starts cannot hold the pipe open, and could write to the other.
        ended = [] if IS_LINUX else [self._process.sentinel]
        return (self._connection, *ended, *printed)

    def due_s(self) -> float:
        """Return the seconds until it is known that the trial took more than it may."""
        return self._watch.due_s()

    def close(self) -> None:
        """End the process, which has nothing to do."""
        if self._connection is not None:
            self._connection.close()
        # One that was given nothing may be importing torch still, for seconds.
        if self._process is not None and self._was_used:
            self._process.join(_END_S)
        self.kill()

    def kill(self) -> None:
        """End the process and what it started, whatever they do."""
        if self._process is not None:
            _end(self._process)
            self._process.close()
        if self._connection is not None:
            self._connection.close()
        if self._output is not None:
            connection, output = self._output
            self.notices += output.close()
            connection.close()
        self._process = self._connection = self._output = None
        self._sent.clear()

    def _take(self, started: SpawnedProcess) -> None:
        self._process, self._connection, output = started
        if output is not None:
            # Looked up when it is written to: a live display may have taken its place.
            self._output = output, Output(output.fileno(), lambda: sys.stderr)
        self._watch = LimitWatch(self._process.pid, self.limits)
        self._net, self._has_failed = None, False

    def _is_spoilt(self, trial: Trial) -> bool:
        is_used = self._net is not None
        return (
            is_used
            and not forks_for(self.device)
            and (self._has_failed or self._net != _net_of(trial))
        )

    def _read_output(self) -> None:
        if self._output is not None:
            self.notices += self._output[1].notices()

    def _send(self, message: object) -> None:
        assert self._connection is not None
        # Where the process has ended, that is found when it is next asked.
        with suppress(ConnectionError):
            self._connection.send(message)

    def _heard(self) -> Epoch | Outcome | None:
        frame = self._frame()
        if frame is None or frame.job not in (0, self._job):
            # What is left of a trial that was ended is of no interest.
            return None
        message = decode(frame.payload)
        if frame.is_of_trial:
            return self._conversation.take(message)
        self._note(message)
        return None

    def _note(self, message: Message) -> None:
        """Note what a process says that holds no net."""
        if message == READY and not self._watch.is_ready:
            self._watch.ready()
        elif not forks_for(self.device):
            # Here it does hold one.
            raise MessageError
        elif isinstance(message, Began):
            self._watch.look_at(message.pid)
        elif isinstance(message, Ended):
            raise _EndedError(self._why_ended(message.code))

    def _frame(self) -> Frame | None:
        assert self._connection is not None
        assert self._process is not None
        ended = not self._process.is_alive()
        try:
            if not self._connection.poll():
                if ended:
                    raise EOFError
                return None
            return Frame.unpacked(self._connection.recv_bytes(MAX_BYTES + _FRAME_BYTES))
        except (EOFError, ConnectionError):
            raise _EndedError(self._why_it_ended()) from None
        # What is too long to be a message; the connection cannot be used after it.
        except OSError as error:
            self.kill()
            raise MessageError from error

    def _unsent(self, pipeline: Pipeline) -> SharedData | None:
        key = self.bundles.key(pipeline)
        if key in self._sent:
            return None
        self._sent.add(key)
        return SharedData(self.bundles.mapped(pipeline), self.bundles.corrupt(pipeline))

    def _end_trial(self) -> None:
        """End the trial, but not the process that forked its own."""
        connection = self._connection
        if connection is None or not forks_for(self.device) or not self._watch.is_ready:
            self.kill()
            return
        self._send(EndTrial(self._job))
        until = time.monotonic() + _END_S
        try:
            while (left_s := until - time.monotonic()) > 0:
                if connection.poll(left_s) and self._is_end(self._frame()):
                    return
        except (_EndedError, MessageError):
            pass
        self.kill()

    def _is_end(self, frame: Frame | None) -> bool:
        if frame is None or frame.is_of_trial or frame.job != self._job:
            return False
        return isinstance(decode(frame.payload), Ended)

    def _why_it_ended(self) -> str:
        assert self._process is not None
        self._process.join(_END_S)
        code = self._process.exitcode
        self.kill()
        return "its process hung up" if code is None else self._why_ended(code)

    def _why_ended(self, code: int | None) -> str:
        if code is None:
            return "its process was ended"
        if code >= 0:
            return f"its process exited with status {code}"
        if -code == signal.SIGKILL and self._kills.happened():
            return "its process was ended by the kernel, as memory ran out"
        return f"its process was ended by signal {-code} ({_signal_name(-code)})"

    def _failed(self, reason: str) -> Outcome:
        self._has_failed = True
        return Outcome(State.FAILED, tuple(self._conversation.epochs), reason)


class _EndedError(Exception):
    """The process of the trial has ended."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _net_of(trial: Trial) -> Entry:
    return trial.pipeline.net_entry


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    # Real-time signals have no names.
    except ValueError:
        return "a real-time signal"


def _end(process: SpawnProcess) -> None:
    if IS_LINUX:
        # It ends what is below it first.
        process.terminate()
        process.join(_END_S)
    if process.pid is not None and process.is_alive():
        _kill_group(process.pid)
        end_tree(process.pid)
    process.join()


def _kill_group(pid: int) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
