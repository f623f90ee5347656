"""Read strangers' sources in processes that are ended where they take too long."""

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
# One that has read more holds memory for it.
_LARGE = 100_000
# Of the net's own modules it finds those that this process finds.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from lemur_check.examination import main; main()"
)


class UnreadableError(Exception):
    """A source that its process did not come to an end with.

    Attributes:
        cause: What ended the process.
    """

    def __init__(self, reason: str, cause: Cause) -> None:
        self.cause = cause
        super().__init__(reason)


class SourceReader:
    """Reads sources, several threads' at a time, in processes that start when they are needed.

    Args:
        workers: How many processes there may be.
        seconds: How long one source may take.
    """

    def __init__(self, workers: int = 1, seconds: float = READ_LIMIT_S) -> None:
        self._seconds = seconds
        self._processes: Queue[_Process] = Queue()
        for _ in range(workers):
            self._processes.put(_Process())

    def examine(self, code: str) -> Examination:
        """Return what can be said of a source that is not run.

        Raises:
            UnreadableError: It takes too long, or ends the process that reads it.
            WorkerError: No process to read it in starts.
        """
        try:
            check_length(code)
        except TemplateError as error:
            return Examination(reason=error.reason)
        return Examination.of(self._ask({"examine": code, "seconds": self._seconds / 2}))

    def sketch(self, code: str) -> Sketch | None:
        """Return the sketch of a source; None where it is no Python, or takes too long."""
        try:
            facts = self._ask({"sketch": code})["sketch"]
        except UnreadableError:
            return None
        return facts and Sketch.of(facts)

    def tokens(self, code: str) -> int | None:
        """Return how many tokens a source has; None where it is no Python, or takes too long."""
        try:
            count: int | None = self._ask({"tokens": code})["tokens"]
        except UnreadableError:
            return None
        return count

    def complete(self, file: Path) -> str:
        """Return the code of a net with the modules that it imports from its folder.

        Raises:
            PluginError: A file cannot be read, or takes too long.
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
            UnreadableError: There is none.
            WorkerError: The process does not start.
        """
        popen = self._started()
        message = json.dumps(question).encode() + b"\n"
        line, is_late = self._line(popen, message, seconds)
        if is_late:
            raise UnreadableError(f"takes longer than {seconds:g} s to be read", Cause.TIME)
        if not line:
            raise UnreadableError("cannot be read: its reader's process ended", Cause.LOST)
        if max(len(message), len(line)) > _LARGE:
            self.end()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End the process."""
        popen, self._popen = self._popen, None
        if popen is not None:
            popen.kill()
            # Closing flushes what the process did not take.
            for pipe in (popen.stdin, popen.stdout):
                with suppress(OSError):
                    _opened(pipe).close()
            popen.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._popen is None or self._popen.poll() is not None:
            self.end()
            self._popen = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            if not self._line(self._popen, b"", _START_LIMIT_S)[0]:
                raise WorkerError("no process to read sources in starts")
        return self._popen

    def _line(
        self, popen: subprocess.Popen[bytes], message: bytes, seconds: float
    ) -> tuple[bytes, bool]:
        """Return the line that follows a message, and whether it was too late."""
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
