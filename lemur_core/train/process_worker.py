"""Train trials in separate processes, so that a net that misbehaves costs only its own trial."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lemur_core.notices import ProcessOutput
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

    from lemur_core.entry import Entry
    from lemur_core.pipeline import Pipeline
    from lemur_core.spawn import Process, SpawnedProcess
    from lemur_core.train.data import Bundles, Key
    from lemur_core.train.start import WorkerStart

_END_S = 5.0
# Length that a frame adds to a message.
_FRAME_BYTES = 32
_INVALID_MESSAGE = "its process sent an invalid message"


class ProcessWorker:
    """Trains in a process, which is started when needed, and again after a trial ended it.

    Args:
        bundles: The data; data in memory is shared with the process, not copied.
        limits: Limits on the time and memory of a trial.
        device: The torch device that trials use.
        start: Starts a process.
        started: A process that is already running; None starts one with the first trial.

    Attributes:
        notices: Warnings of its processes, the oldest first; the reader removes them.
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
        self._process: Process | None = None
        self._connection: Connection[Any, Any] | None = None
        self._output: tuple[Connection[Any, Any], ProcessOutput] | None = None
        self._sent: set[Key] = set()
        self.notices: deque[str] = deque()
        self._kills = KernelKills()
        self._was_used = self._has_failed = False
        self._net: Entry | None = None
        self._job = 0
        if started is not None:
            self._attach(started)

    def begin(self, trial: Trial) -> None:
        """Start to train a trial, after starting a process if none is running.

        If processes are not forked for each trial, a process only trains trials of one net, and no
        trial after a failed one.
        """
        if self._process is None or not self._process.is_alive() or self._must_restart(trial):
            self.kill()
            self._attach(self._start(self.device))
        self._conversation, self._net, self._was_used = Conversation(trial), _net_of(trial), True
        self._kills.reset()
        self._watch.begin(trial.next_epoch)
        dropped = tuple(key for key in self._sent if not self.bundles.holds(key))
        self._sent.difference_update(dropped)
        self._job += 1
        self._send(TrialJob(self._job, trial, self._unsent(trial.pipeline), dropped))

    def receive(self) -> Epoch | Outcome | None:
        """Return the next message of the trial; None if there is none yet.

        If the process ends, exceeds a limit or sends an invalid message, the trial has failed.
        """
        self._read_output()
        try:
            message = self._message()
            if message is None:
                self._watch.check()
        except _EndedError as end:
            return self._failed(end.reason)
        except MessageError as error:
            self._end_trial()
            text = str(error)
            reason = f"{_INVALID_MESSAGE}: {text}" if text else _INVALID_MESSAGE
            return self._failed(reason[:REASON_LENGTH])
        except LimitReachedError as limit:
            self._end_trial()
            return self._failed(str(limit))
        if isinstance(message, Outcome):
            self._has_failed = message.state is State.FAILED
        return message

    def answer(self, decision: TrialDecision) -> None:
        """Send the decision on the last epoch."""
        self._watch.start_next_epoch()
        self._conversation.answered(decision)
        self._send(decision)

    def handles(self) -> Collection[Any]:
        """Return the connection to the process, its sentinel, and its output."""
        assert self._process is not None
        printed = [self._output[0]] if self._output and self._output[1].is_open else []
        # On Linux a net's children cannot keep the connection open, but could keep the output open.
        ended = [] if IS_LINUX else [self._process.sentinel]
        return (self._connection, *ended, *printed)

    def due_s(self) -> float:
        """Return the seconds after which the limits must be checked."""
        return self._watch.due_s()

    def close(self) -> None:
        """End the process, which is idle."""
        if self._connection is not None:
            self._connection.close()
        # A process that was never used may still be importing torch, for seconds.
        if self._process is not None and self._was_used:
            self._process.join(_END_S)
        self.kill()

    def kill(self) -> None:
        """Kill the process and everything that it started."""
        if self._process is not None:
            _end(self._process)
            # One that is blocked in the kernel is still running.
            with suppress(ValueError):
                self._process.close()
        if self._connection is not None:
            self._connection.close()
        if self._output is not None:
            connection, output = self._output
            self.notices += output.close()
            connection.close()
        self._process = self._connection = self._output = None
        self._sent.clear()

    def _attach(self, started: SpawnedProcess) -> None:
        self._process, self._connection, output = started
        if output is not None:
            # sys.stderr is looked up on each write, as a live display may replace it.
            self._output = output, ProcessOutput(output.fileno(), lambda: sys.stderr)
        self._watch = LimitWatch(self.limits)
        self._net, self._has_failed = None, False

    def _must_restart(self, trial: Trial) -> bool:
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
        # If the process has ended, the next call of `receive` detects it.
        with suppress(ConnectionError):
            self._connection.send(message)

    def _message(self) -> Epoch | Outcome | None:
        frame = self._frame()
        if frame is None or frame.job not in (0, self._job):
            # A late message of a trial that was ended.
            return None
        message = decode(frame.payload)
        if frame.is_of_trial:
            return self._conversation.take(message)
        self._note(message)
        return None

    def _note(self, message: Message) -> None:
        """Handle a message of the process that forks, which holds no net."""
        if message == READY and not self._watch.is_ready:
            self._watch.mark_ready()
            assert self._process is not None
            if self._process.pid is not None:
                self._watch.watch_memory_of(self._process.pid)
        elif not forks_for(self.device):
            # Without forking, this process does hold a net.
            raise MessageError
        elif isinstance(message, Began):
            self._watch.watch_memory_of(message.pid)
        elif isinstance(message, Ended):
            raise _EndedError(self._reason_of(message.code))

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
            raise _EndedError(self._reason_of_end()) from None
        # The message is too long, and the connection cannot be used after it.
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
        """End the trial, but not the process that forks, if there is one."""
        connection = self._connection
        if connection is None or not forks_for(self.device) or not self._watch.is_ready:
            self.kill()
            return
        self._send(EndTrial(self._job))
        deadline = time.monotonic() + _END_S
        try:
            while (left_s := deadline - time.monotonic()) > 0:
                if connection.poll(left_s) and self._is_end(self._frame()):
                    return
        except (_EndedError, MessageError):
            pass
        self.kill()

    def _is_end(self, frame: Frame | None) -> bool:
        if frame is None or frame.is_of_trial or frame.job != self._job:
            return False
        return isinstance(decode(frame.payload), Ended)

    def _reason_of_end(self) -> str:
        assert self._process is not None
        self._process.join(_END_S)
        code = self._process.exitcode
        self.kill()
        return "its process closed the connection" if code is None else self._reason_of(code)

    def _reason_of(self, code: int | None) -> str:
        if code is None:
            return "its process was ended"
        if code >= 0:
            return f"its process exited with status {code}"
        if -code == signal.SIGKILL and self._kills.occurred():
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


def _end(process: Process) -> None:
    if IS_LINUX:
        # The guardian process ends its children first.
        process.terminate()
        process.join(_END_S)
    if process.pid is not None and process.is_alive():
        _kill_group(process.pid)
        end_tree(process.pid)
    # The campaign does not wait for a process that is blocked in the kernel.
    process.join(_END_S)


def _kill_group(pid: int) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
