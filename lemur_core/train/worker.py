"""Train trials in a process of their own, so that whatever a net does costs its trial alone."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import psutil
import torch.multiprocessing

from lemur_core.errors import WorkerError
from lemur_core.kinds.loader import DataBundle
from lemur_core.pipeline import Pipeline
from lemur_core.train.child import READY, Job, main
from lemur_core.train.data import Bundles, share
from lemur_core.train.limits import Limits
from lemur_core.trial import Epoch, Outcome, State, Trial, Verdict

# Importing torch takes seconds, on a busy machine many.
START_LIMIT_S = 300.0
# How often memory is looked at, while there is a limit to it.
_LOOK_S = 0.2
_END_S = 5.0


class Worker:
    """A process that trains trials; started when it is needed, and again when a trial ended it.

    Args:
        bundles: The data; what is held in memory is shared with the process, not copied.
        limits: What a trial may take.
        threads: CPU threads of the process; None leaves it to torch.
    """

    def __init__(self, bundles: Bundles, limits: Limits, threads: int | None = None) -> None:
        self.bundles, self.limits, self.threads = bundles, limits, threads
        self._process: SpawnProcess | None = None
        self._connection: Connection[Any, Any] | None = None
        self._sent: set[tuple[str, str]] = set()

    def attempt(self, trial: Trial, epoch_ended: Callable[[Epoch], Verdict]) -> Outcome:
        """Train a trial and return how it ended.

        Args:
            trial: What to train.
            epoch_ended: Called after each epoch; says whether to go on. What it raises ends the
                process and is raised.

        Raises:
            WorkerError: The process cannot be started.
        """
        epochs = list(trial.done)
        try:
            self._send(self._started(), Job(trial, self._to_share(trial.pipeline)))
            watch = _Watch(self._process, self.limits, len(epochs) + 1)
            while True:
                message = self._receive(watch)
                if isinstance(message, Outcome):
                    return message
                epochs.append(message)
                self._send(self._connection, epoch_ended(message))
                watch.epoch_ended()
        except _EndedError:
            return self._failed(epochs, self._why_it_ended())
        except _LimitReachedError as limit:
            self.kill()
            return self._failed(epochs, str(limit))
        except BaseException:
            self.kill()
            raise

    def close(self) -> None:
        """End the process, which has nothing to do."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.join(_END_S)
        self.kill()

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None
        self._sent.clear()

    def _started(self) -> Connection[Any, Any]:
        if self._process is not None and self._connection is not None and self._process.is_alive():
            return self._connection
        self.kill()
        context = torch.multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, self.bundles.folder, self.threads)
        process = context.Process(target=main, args=arguments, daemon=True)
        with _main_module_left_alone():
            process.start()
        theirs.close()
        self._process, self._connection = process, ours
        try:
            if not ours.poll(START_LIMIT_S) or ours.recv() != READY:
                raise WorkerError(f"no worker process was ready within {START_LIMIT_S:.0f} s")
        except EOFError:
            reason = self._why_it_ended()
            raise WorkerError(f"no worker process could be started: {reason}") from None
        return ours

    # Only what fails here is the process's end: a pipe that breaks elsewhere, that of the
    # campaign's own output say, is not the net's fault.
    def _send(self, connection: Connection[Any, Any] | None, message: object) -> None:
        assert connection is not None
        try:
            connection.send(message)
        except ConnectionError as error:
            raise _EndedError from error

    def _receive(self, watch: _Watch) -> Any:
        assert self._connection is not None
        try:
            watch.wait(self._connection)
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise _EndedError from error

    def _to_share(self, pipeline: Pipeline) -> DataBundle | None:
        key = self.bundles.key(pipeline)
        if key in self._sent:
            return None
        self._sent.add(key)
        return share(self.bundles.get(pipeline))

    def _why_it_ended(self) -> str:
        assert self._process is not None
        self._process.join(_END_S)
        code = self._process.exitcode
        self.kill()
        if code is None:
            return "its process hung up"
        if code >= 0:
            return f"its process exited with status {code}"
        reason = f"its process was ended by signal {-code} ({signal.Signals(-code).name})"
        if -code == signal.SIGKILL:
            return f"{reason}, as the kernel does when memory runs out"
        return reason

    def _failed(self, epochs: list[Epoch], reason: str) -> Outcome:
        return Outcome(State.FAILED, tuple(epochs), reason)


class _EndedError(Exception):
    """The process has ended."""


class _LimitReachedError(Exception):
    """A trial took more than it may."""


class _Watch:
    """Waits for a worker's messages no longer than its trial may take."""

    def __init__(self, process: SpawnProcess | None, limits: Limits, number: int) -> None:
        assert process is not None
        self.process, self.limits = process, limits
        self.memory = psutil.Process(process.pid) if limits.memory_bytes else None
        self.number = number
        self.trial_began = self.epoch_began = time.monotonic()

    def epoch_ended(self) -> None:
        """Begin to count the next epoch's time."""
        self.number += 1
        self.epoch_began = time.monotonic()

    def wait(self, connection: Connection[Any, Any]) -> None:
        """Return when there is a message, or the process has ended.

        Raises:
            _LimitReachedError: The trial took more time or memory than it may.
        """
        while True:
            left_s = self._left_s()
            step_s = left_s if self.memory is None else min(left_s, _LOOK_S)
            if wait([connection, self.process.sentinel], step_s):
                return
            self._check_memory()

    def _left_s(self) -> float:
        now, limits = time.monotonic(), self.limits
        left_s = self.epoch_began + limits.epoch_s - now
        if left_s <= 0:
            raise _LimitReachedError(f"epoch {self.number} took longer than {limits.epoch_s:g} s")
        if limits.trial_s is None:
            return left_s
        trial_left_s = self.trial_began + limits.trial_s - now
        if trial_left_s <= 0:
            raise _LimitReachedError(f"the trial took longer than {limits.trial_s:g} s")
        return min(left_s, trial_left_s)

    def _check_memory(self) -> None:
        if self.memory is None or self.limits.memory_bytes is None:
            return
        try:
            resident = self.memory.memory_info().rss
        except psutil.NoSuchProcess:
            return
        if resident > self.limits.memory_bytes:
            raise _LimitReachedError(
                f"its process took {resident / 2**30:.2f} GiB of memory; "
                f"the limit is {self.limits.memory_bytes / 2**30:.2f} GiB"
            )


@contextmanager
def _main_module_left_alone() -> Iterator[None]:
    # A spawned process imports the main module anew, which would run a user's script again; a
    # worker needs nothing of it.
    module = sys.modules["__main__"]
    kept = {
        name: vars(module).pop(name) for name in ("__file__", "__spec__") if hasattr(module, name)
    }
    module.__spec__ = None
    try:
        yield
    finally:
        vars(module).update(kept)
