"""Run nets in a sandboxed process, which is controlled from outside."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, TYPE_CHECKING, Any

import psutil

from lemur_check.answers import Answers, ForeignAnswerError
from lemur_check.folders import empty
from lemur_check.run_result import Cause, RunResult
from lemur_check.usage import FamilyUsage, NamespaceUsage, Usage
from lemur_core.errors import LemurError, WorkerError
from lemur_core.processes import end_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lemur_check.sandbox import Sandbox

START_LIMIT_S, DATA_LIMIT_S = 300.0, 3600.0
_END_S = 5.0
_POLL_S = 0.05
# -P: do not import modules from the working directory, to which nets can write.
_PROGRAM = (sys.executable, "-P", "-m", "lemur_check.inside")


class Box:
    """Runs nets one by one in a process that is started on demand, and again after a net ended it.

    Args:
        sandbox: The sandbox in which the process is started.
        data: Folder of the datasets.
        threads: Number of CPU threads of a net.
    """

    def __init__(self, sandbox: Sandbox, data: Path, threads: int) -> None:
        self._sandbox, self._data, self._threads = sandbox, data, threads
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """The restrictions that are not enforced on nets."""
        return self._sandbox.not_enforced

    def start(self) -> None:
        """Start the process if none is running, without waiting until it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._scratch = Path(mkdtemp(prefix="lemur-check-"))
        self._process = subprocess.Popen(  # noqa: S603
            self._sandbox.command(_PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._scratch,
            env=self._sandbox.environment(self._scratch),
            start_new_session=True,
        )
        self._answers = Answers(self._process)
        self._usage: Usage | None = None
        self._first: psutil.Process | None = None
        self._ready_number = self._send(self._settings())

    def run(self, job: Mapping[str, Any]) -> RunResult:
        """Run a net and return the result, whatever the net does.

        Raises:
            LemurError: The dataset, metric or transform does not exist or cannot be read.
            WorkerError: The process cannot be started.
        """
        self._begin(job)
        # The number is drawn after the fork was made, so the fork does not know it.
        number = self._send({})
        messages: list[str] = []
        deadline = time.monotonic() + self._sandbox.limits.seconds
        try:
            while answer := self._next(number, ("said", "ended"), deadline, watch=True):
                if "ended" in answer:
                    if not answer["clean"]:
                        self.close()
                    return _result(messages, answer["ended"])
                messages.append(answer["said"])
                self._check_usage()
        except TimeoutError:
            self.close()
            limit_s = self._sandbox.limits.seconds
            return RunResult(messages, f"took longer than {limit_s:g} s", Cause.TIME)
        except _LimitExceededError as error:
            self.close()
            return RunResult(messages, str(error), error.cause)
        except ForeignAnswerError:
            self.close()
            return RunResult(
                messages, "its process sent answers in the name of the process that runs it"
            )
        self.close()
        return RunResult(messages, "its process ended the process that runs it", Cause.LOST)

    def close(self) -> None:
        """End the process and all processes that it started."""
        if self._process is None:
            return
        # The kernel ends a namespace's processes with its first one, even those of a fork bomb.
        if self._first is not None:
            with suppress(psutil.NoSuchProcess):
                self._first.kill()
        end_tree(self._process.pid)
        # One that is blocked in the kernel cannot be waited for.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self._answers.close()
        if self._usage is not None:
            self._usage.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                _opened(pipe).close()
        self._process = None
        if empty(self._scratch):
            self._scratch.rmdir()

    def _settings(self) -> dict[str, Any]:
        sandbox = self._sandbox
        return {
            "data": str(self._data.resolve()),
            "threads": self._threads,
            "trust": sandbox.trust,
            "alone": sandbox.alone,
            "filtered": sandbox.filters,
            "memory_bytes": sandbox.limits.memory_bytes,
            "scratch_bytes": sandbox.limits.scratch_bytes,
        }

    def _send(self, message: Mapping[str, Any]) -> str:
        """Send a message and return the number that its answers must bear."""
        assert self._process is not None
        number = secrets.token_hex(16)
        # If the process has ended, the next read reports it.
        with suppress(BrokenPipeError):
            pipe = _opened(self._process.stdin)
            pipe.write(json.dumps({**message, "number": number}).encode() + b"\n")
            pipe.flush()
        return number

    def _begin(self, job: Mapping[str, Any]) -> None:
        """Wait until the process is ready, has read the data and has forked for a net.

        Raises:
            LemurError: The process cannot read the data.
            WorkerError: The process ends or does not answer in time, twice.
        """
        kinds = ("started", "refused")
        for last in (False, True):
            self._wait_until_ready()
            memory_bytes = self._sandbox.limits.memory_bytes
            number = self._send({**job, "memory_bytes": memory_bytes})
            deadline = time.monotonic() + DATA_LIMIT_S
            with suppress(ForeignAnswerError, TimeoutError):
                if answer := self._next(number, kinds, deadline):
                    if "refused" in answer:
                        raise LemurError(answer["refused"])
                    return
            # Without walls, an earlier net can have ended the process.
            self._end(last, "ended while reading the data")

    def _wait_until_ready(self) -> None:
        self.start()
        if self._usage is not None:
            return
        deadline = time.monotonic() + START_LIMIT_S
        with suppress(ForeignAnswerError, OSError, psutil.Error, IndexError):
            if self._next(self._ready_number, ("ready",), deadline):
                assert self._process is not None
                self._usage = self._watch(self._process.pid)
                return
        self._end(True, f"not ready in {START_LIMIT_S:g} s")

    def _end(self, is_error: bool, reason: str) -> None:
        """End the process while no net runs in it.

        Raises:
            WorkerError: ``is_error`` is true.
        """
        error_line = self._answers.errors.decode(errors="replace").strip().rpartition("\n")[2]
        self.close()
        if is_error:
            raise WorkerError(
                f"a process to check nets could not be started: {error_line or reason}"
            )

    def _watch(self, pid: int) -> Usage:
        limit = self._sandbox.limits.processes
        if not self._sandbox.alone:
            return FamilyUsage(pid, limit)
        # Outside the namespaces, a process of bubblewrap is the parent of the sandboxed one.
        self._first = psutil.Process(pid).children()[0]
        shares = not self._sandbox.filters
        return NamespaceUsage(self._first.pid, self._sandbox.folders, shares, limit)

    def _next(
        self, number: str, kinds: Collection[str], deadline: float, watch: bool = False
    ) -> dict[str, Any] | None:
        """Return the next answer, or None if the process ended.

        Raises:
            ForeignAnswerError: The answer is not the process's own.
            TimeoutError: The deadline passed.
            _LimitExceededError: A watched net exceeded a limit.
        """
        while not self._answers.ended:
            answer = self._answers.read(number, kinds, _POLL_S)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError
            if watch:
                self._check_usage()
        return None

    def _check_usage(self) -> None:
        """Raise `_LimitExceededError` if a net has too many processes or too much memory."""
        if self._sandbox.trust:
            return
        assert self._usage is not None
        limits = self._sandbox.limits
        usage = self._usage.look(limits.memory_bytes)
        if usage.processes > limits.processes:
            raise _LimitExceededError(f"started more than {limits.processes} processes", Cause.NET)
        if usage.memory_bytes > limits.memory_bytes:
            raise _LimitExceededError(
                f"took {usage.memory_bytes / 2**30:.2f} GiB of memory; "
                f"the limit is {limits.memory_bytes / 2**30:.2f} GiB",
                Cause.MEMORY,
            )


class _LimitExceededError(Exception):
    """A net exceeded a limit."""

    def __init__(self, reason: str, cause: Cause) -> None:
        self.cause = cause
        super().__init__(reason)


def _result(messages: Sequence[str], status: int | None) -> RunResult:
    # SIGKILL is how the kernel ends processes when memory is short.
    killed = status == -signal.SIGKILL
    return RunResult(messages, _why(status), Cause.LOST if killed else Cause.NET)


def _why(status: int | None) -> str:
    """Return why a net's process ended, or an empty string if it ended by itself."""
    if status is None:
        return "its process wrote too much output"
    if status == 0:
        return ""
    if status > 0:
        return f"its process exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"its process was ended by signal {-status} ({name})"


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
