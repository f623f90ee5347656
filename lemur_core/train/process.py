"""Train trials in processes of their own, so that whatever a net does costs its trial alone."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import torch.multiprocessing  # noqa: F401 - teaches multiprocessing to share tensors

from lemur_core.notices import Output
from lemur_core.pipeline import Pipeline
from lemur_core.spawn import Spawned
from lemur_core.train.child import Job, SharedData
from lemur_core.train.data import Bundles, Key, share
from lemur_core.train.limits import LimitReachedError, Limits, Watch
from lemur_core.train.memory import KernelKills
from lemur_core.train.messages import MAX_BYTES, READY, Message, MessageError, decode
from lemur_core.train.start import Start
from lemur_core.trial import Epoch, Outcome, State, Trial, Verdict

_END_S = 5.0


class Process:
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
        limits: Limits,
        device: str,
        start: Start,
        started: Spawned | None = None,
    ) -> None:
        self.bundles, self.limits, self.device = bundles, limits, device
        self._start = start
        self._process: SpawnProcess | None = None
        self._connection: Connection[Any, Any] | None = None
        self._output: tuple[Connection[Any, Any], Output] | None = None
        self._sent: set[Key] = set()
        self.notices: deque[str] = deque()
        self._kills = KernelKills()
        self._was_used = False
        if started is not None:
            self._take(started)

    def begin(self, trial: Trial) -> None:
        """Begin to train a trial, in a process that is started first where none runs."""
        if self._process is None or not self._process.is_alive():
            self.kill()
            self._take(self._start())
        self._epochs, self._was_used = list(trial.done), True
        self._kills.look()
        self._watch.begin(len(self._epochs) + 1)
        dropped = tuple(key for key in self._sent if not self.bundles.holds(key))
        self._sent.difference_update(dropped)
        self._send(Job(trial, self._untold(trial.pipeline), dropped))

    def receive(self) -> Epoch | Outcome | None:
        """Return what the process says of its trial; None where it says nothing yet.

        A process that ended, or took more than its trial may, is the trial's failure.
        """
        self._read_output()
        try:
            message = self._message()
            if message is None:
                self._watch.check()
        except _EndedError:
            return self._failed(self._why_it_ended())
        except MessageError:
            self.kill()
            return self._failed("its process sent what is no message of a trial")
        except LimitReachedError as limit:
            self.kill()
            return self._failed(str(limit))
        if isinstance(message, Outcome):
            return Outcome(**vars(message) | {"epochs": tuple(self._epochs)})
        if isinstance(message, Epoch):
            self._epochs.append(message)
            return message
        return None

    def answer(self, verdict: Verdict) -> None:
        """Say, to an epoch that it told, whether to go on."""
        self._watch.epoch_ended()
        self._send(verdict)

    def handles(self) -> Collection[Any]:
        """Return the pipe to the process, its end, and what it prints."""
        assert self._process is not None
        printed = [self._output[0]] if self._output and self._output[1].is_open else []
        return (self._connection, self._process.sentinel, *printed)

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
            _kill_group(self._process.pid)
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._connection is not None:
            self._connection.close()
        if self._output is not None:
            connection, output = self._output
            self.notices += output.close()
            connection.close()
        self._process = self._connection = self._output = None
        self._sent.clear()

    def _take(self, started: Spawned) -> None:
        self._process, self._connection, output = started
        if output is not None:
            # Looked up when it is written to: a live display may have taken its place.
            self._output = output, Output(output.fileno(), lambda: sys.stderr)
        self._watch = Watch(self._process.pid, self.limits)

    def _read_output(self) -> None:
        if self._output is not None:
            self.notices += self._output[1].notices()

    def _send(self, message: object) -> None:
        assert self._connection is not None
        # Where the process has ended, that is found when it is next asked.
        with suppress(ConnectionError):
            self._connection.send(message)

    def _message(self) -> Message | None:
        assert self._connection is not None
        assert self._process is not None
        ended = not self._process.is_alive()
        try:
            if not self._connection.poll():
                if ended:
                    raise _EndedError
                return None
            message = decode(self._connection.recv_bytes(MAX_BYTES))
        except (EOFError, ConnectionError) as error:
            raise _EndedError from error
        # What is too long to be a message; the connection cannot be used after it.
        except OSError as error:
            raise MessageError from error
        if message == READY:
            self._watch.ready()
        return message

    def _untold(self, pipeline: Pipeline) -> SharedData | None:
        key = self.bundles.key(pipeline)
        if key in self._sent:
            return None
        self._sent.add(key)
        return SharedData(share(self.bundles.get(pipeline)), self.bundles.corrupt(pipeline))

    def _why_it_ended(self) -> str:
        assert self._process is not None
        self._process.join(_END_S)
        code = self._process.exitcode
        self.kill()
        if code is None:
            return "its process hung up"
        if code >= 0:
            return f"its process exited with status {code}"
        if -code == signal.SIGKILL and self._kills.happened():
            return "its process was ended by the kernel, as memory ran out"
        return f"its process was ended by signal {-code} ({signal.Signals(-code).name})"

    def _failed(self, reason: str) -> Outcome:
        return Outcome(State.FAILED, tuple(self._epochs), reason)


class _EndedError(Exception):
    """The process has ended."""


def _kill_group(pid: int | None) -> None:
    if pid is None or not hasattr(os, "killpg"):
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
