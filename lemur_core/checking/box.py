"""A process in which one net after another is run, seen from outside."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import psutil

from lemur_core.checking.sandbox import Sandbox
from lemur_core.checking.told import Cause, Told
from lemur_core.errors import LemurError, WorkerError

START_LIMIT_S = 300.0
_LOOK_S = 0.05
_KILLS = 100
# Modules are not looked for where nets write.
_PROGRAM = (sys.executable, "-P", "-m", "lemur_core.checking.inside")
# As JSON, within JSON: of what a fork may say, and a little.
_LONGEST_ANSWER = 8 * 2**20


class Box:
    """Runs nets in a process that is started when it is needed, and again when a net ended it.

    Args:
        sandbox: How it is started.
        data: The folder of the data sets.
        threads: CPU threads of a net.
    """

    def __init__(self, sandbox: Sandbox, data: Path, threads: int) -> None:
        self._sandbox, self._data, self._threads = sandbox, data, threads
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """What nets are not kept from."""
        return self._sandbox.not_enforced

    def start(self) -> None:
        """Start the process, where none runs, without waiting until it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._scratch = TemporaryDirectory(prefix="lemur-check-", ignore_cleanup_errors=True)
        scratch = Path(self._scratch.name)
        self._process = subprocess.Popen(  # noqa: S603
            self._sandbox.command(_PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=scratch,
            env=self._sandbox.environment(scratch),
            start_new_session=True,
        )
        self._answers = _Answers(self._process)
        self._is_ready = False
        self._send(self._settings())

    def run(self, job: Mapping[str, Any]) -> Told:
        """Run a net and return what came of it, whatever it does.

        Raises:
            LemurError: The data set, metric or transform to try it with is not there.
            WorkerError: The process does not start.
        """
        self.start()
        self._wait_until_ready()
        self._send({**job, "memory_bytes": self._sandbox.limits.memory_bytes})
        said: list[str] = []
        try:
            for answer in self._answers_until(time.monotonic() + self._sandbox.limits.seconds):
                if "said" in answer:
                    said.append(answer["said"])
                elif "refused" in answer:
                    raise LemurError(answer["refused"])
                else:
                    status = answer["ended"]
                    # The kernel ends processes so when memory is short.
                    killed = status == -signal.SIGKILL
                    return Told(said, _why(status), Cause.LOST if killed else Cause.NET)
        except _OverError as over:
            self.close()
            return Told(said, str(over), over.cause)
        return Told(said, "its process ended what it was run in", Cause.LOST)

    def close(self) -> None:
        """End the process and all that it started."""
        if self._process is None:
            return
        _kill_family(self._process.pid)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                _opened(pipe).close()
        self._process = None
        self._scratch.cleanup()

    def _settings(self) -> dict[str, Any]:
        sandbox = self._sandbox
        return {
            "data": str(self._data.resolve()),
            "threads": self._threads,
            "trust": sandbox.trust,
            "alone": sandbox.bubblewrap is not None and not sandbox.trust,
            "memory_bytes": sandbox.limits.memory_bytes,
            "scratch_bytes": sandbox.limits.scratch_bytes,
        }

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        # Where the process has ended, that is found when it is next read from.
        with suppress(BrokenPipeError):
            pipe = _opened(self._process.stdin)
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        try:
            next(self._answers_until(time.monotonic() + START_LIMIT_S))
        except (_OverError, StopIteration) as error:
            assert self._process is not None
            told = self._answers.errors.decode(errors="replace").strip().rpartition("\n")[2]
            self.close()
            raise WorkerError(f"no process to check nets in starts: {told or error}") from None
        self._is_ready = True

    def _answers_until(self, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield answers until the process ends.

        Raises:
            _OverError: The time is over, or a net took more than it may of something else.
        """
        while not self._answers.ended:
            yield from self._answers.read(_LOOK_S)
            if time.monotonic() > deadline:
                raise _OverError(f"took longer than {self._sandbox.limits.seconds:g} s", Cause.TIME)
            self._check()

    def _check(self) -> None:
        if self._sandbox.trust or not self._is_ready:
            return
        assert self._process is not None
        limits, family = self._sandbox.limits, _family(self._process.pid)
        if len(family) > limits.processes:
            raise _OverError(f"started more than {limits.processes} processes", Cause.NET)
        taken = sum(map(_own_bytes, family))
        if taken > limits.memory_bytes:
            raise _OverError(
                f"took {taken / 2**30:.2f} GiB of memory; "
                f"the limit is {limits.memory_bytes / 2**30:.2f} GiB",
                Cause.MEMORY,
            )


class _OverError(Exception):
    """A net took more than it may."""

    def __init__(self, reason: str, cause: Cause) -> None:
        self.cause = cause
        super().__init__(reason)


class _Answers:
    """What a process answers, a JSON object a line, and the end of what it complains of."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.ended, self.errors, self._pending = False, b"", b""
        self._pipes = selectors.DefaultSelector()
        for pipe in (process.stdout, process.stderr):
            os.set_blocking(_opened(pipe).fileno(), False)
            self._pipes.register(_opened(pipe), selectors.EVENT_READ)
        self._stdout = _opened(process.stdout).fileno()

    def read(self, timeout_s: float) -> Iterator[dict[str, Any]]:
        """Yield what came, waiting for something at most so long."""
        for key, _ in self._pipes.select(timeout_s):
            some = os.read(key.fd, 65536)
            if not some:
                self._pipes.unregister(key.fileobj)
                self.ended |= key.fd == self._stdout
            elif key.fd == self._stdout:
                *lines, self._pending = (self._pending + some).split(b"\n")
                yield from map(json.loads, lines)
                self.ended |= len(self._pending) > _LONGEST_ANSWER
            else:
                self.errors = (self.errors + some)[-4096:]


def _why(status: int | None) -> str:
    """Return why a net's process ended; nothing where it did of itself."""
    if status is None:
        return "its process said too much"
    if status == 0:
        return ""
    if status > 0:
        return f"its process exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"its process was ended by signal {-status} ({name})"


def _family(pid: int) -> list[psutil.Process]:
    """Return the processes below one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill_family(pid: int) -> None:
    # While these are ended they may start others.
    for _ in range(_KILLS):
        family = [process for process in _family(pid) if _is_alive(process)]
        for process in family:
            with suppress(psutil.Error):
                process.kill()
        if not family:
            return


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _own_bytes(process: psutil.Process) -> int:
    """Return the memory of a process that it does not share with the one that it was forked of."""
    try:
        taken = process.memory_info()
    except psutil.Error:
        return 0
    return int(taken.rss - taken.shared)


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
