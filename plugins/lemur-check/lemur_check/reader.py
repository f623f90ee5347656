"""Read untrusted sources in processes that are ended if they take too long."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from queue import Queue
from typing import IO, TYPE_CHECKING, Any

from lemur_check.examination import Examination
from lemur_check.run_result import Cause
from lemur_check.sketch import Sketch
from lemur_check.template import TemplateError, check_length
from lemur_core.errors import PluginError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

READ_LIMIT_S = 60.0
_START_LIMIT_S = 300.0
# A process is replaced after a message of more characters, because it keeps the memory.
_LARGE = 100_000
# The process searches for a net's own modules where this one does.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from lemur_check.examination import main; main()"
)


class UnreadableError(Exception):
    """A source whose process did not finish reading it.

    Attributes:
        cause: What ended the process.
    """

    def __init__(self, reason: str, cause: Cause) -> None:
        self.cause = cause
        super().__init__(reason)


class SourceReader:
    """Reads sources in processes that start on demand; several threads may use it.

    Args:
        workers: Maximum number of processes.
        seconds: Time limit of one source, in seconds.
    """

    def __init__(self, workers: int = 1, seconds: float = READ_LIMIT_S) -> None:
        self._seconds = seconds
        self._processes: Queue[_Process] = Queue()
        for _ in range(workers):
            self._processes.put(_Process())

    def examine(self, code: str) -> Examination:
        """Examine a source without running it.

        Raises:
            UnreadableError: The source takes too long or ends the process that reads it.
            WorkerError: No process to read it can be started.
        """
        try:
            check_length(code)
        except TemplateError as error:
            return Examination(reason=error.reason)
        return Examination.of(self._ask({"examine": code, "seconds": self._seconds / 2}))

    def sketch(self, code: str) -> Sketch | None:
        """Return the sketch of a source, or None if it is not Python or takes too long."""
        try:
            facts = self._ask({"sketch": code})["sketch"]
        except UnreadableError:
            return None
        return facts and Sketch.of(facts)

    def tokens(self, code: str) -> int | None:
        """Return a source's number of tokens, or None if it is not Python or takes too long."""
        try:
            count: int | None = self._ask({"tokens": code})["tokens"]
        except UnreadableError:
            return None
        return count

    def complete(self, file: Path) -> str:
        """Return the code of a net with the modules that it imports from its folder.

        Raises:
            PluginError: A file cannot be read, or reading takes too long.
        """
        try:
            answer = self._ask({"complete": str(file.absolute())})
        except UnreadableError as error:
            raise PluginError(str(error)) from None
        if "fault" in answer:
            raise PluginError(answer["fault"])
        code: str = answer["code"]
        return code

    def close(self) -> None:
        """End the processes."""
        while not self._processes.empty():
            self._processes.get().end()

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        with self._process() as process:
            return process.ask(question, self._seconds)

    @contextmanager
    def _process(self) -> Iterator[_Process]:
        process = self._processes.get()
        try:
            yield process
        except BaseException:
            process.end()
            raise
        finally:
            self._processes.put(process)


class _Process:
    """A process that reads one source after another."""

    def __init__(self) -> None:
        self._popen: subprocess.Popen[bytes] | None = None

    def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the answer to a question.

        Raises:
            UnreadableError: The process did not answer.
            WorkerError: The process cannot be started.
        """
        popen = self._running()
        message = json.dumps(question).encode() + b"\n"
        line, is_late = self._line(popen, message, seconds)
        if is_late:
            raise UnreadableError(f"takes longer than {seconds:g} s to read", Cause.TIME)
        if not line:
            raise UnreadableError("cannot be read: the process that reads it ended", Cause.LOST)
        if max(len(message), len(line)) > _LARGE:
            self.end()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End the process."""
        popen, self._popen = self._popen, None
        if popen is not None:
            popen.kill()
            # Closing flushes data that the process did not read, which fails.
            for pipe in (popen.stdin, popen.stdout):
                with suppress(OSError):
                    _opened(pipe).close()
            popen.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._popen is None or self._popen.poll() is not None:
            self.end()
            self._popen = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            if not self._line(self._popen, b"", _START_LIMIT_S)[0]:
                raise WorkerError("a process to read sources could not be started")
        return self._popen

    def _line(
        self, popen: subprocess.Popen[bytes], message: bytes, seconds: float
    ) -> tuple[bytes, bool]:
        """Return the line that answers a message, and whether the time limit passed."""
        ended = threading.Event()

        def end() -> None:
            ended.set()
            popen.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            with suppress(BrokenPipeError):
                _opened(popen.stdin).write(message)
                _opened(popen.stdin).flush()
            line = _opened(popen.stdout).readline()
        finally:
            timer.cancel()
        return line, ended.is_set()


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
