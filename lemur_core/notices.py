"""Report warnings to a campaign as single lines instead of printing them among its output."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from lemur_core.escapes import escape, one_line

# Writes of at most this many bytes to a pipe are not interleaved with those of other processes.
_MOST_BYTES = 2048
# Maximum length of an unfinished line before it is printed, and of reads at a time: a net may print
# endlessly.
_LONGEST, _READS = 2**16, 16
_MARK = "\x1elemur-notice "
_INTERNAL = re.compile(r"\s*\(Triggered internally at .*?\)\s*$", re.DOTALL)
# Formats of warnings of torch's C++ code and of Python.
_OF_TORCH = re.compile(
    r"\[W\d*+(?: [\d:.\-]++(?=[ \]]))*+ ?(?P<place>[\w./-]{1,300}\.\w{1,9}:\d{1,9})?\]"
    r"\s*(?:Warning: )?(?P<text>.+)"
)
_OF_PYTHON = re.compile(r"(?P<place>\S.*\.py:\d+): (?P<text>\w*Warning: .+)")
_FUNCTION = re.compile(r" \(function [^()]*(?:\(\))?\)$")

Report = Callable[[str], None]


class Notice(UserWarning):
    """A warning of lemur's own; its line states neither its class nor its place in the code."""


@contextmanager
def warnings_reported(report: Report) -> Iterator[None]:
    """Report each warning of this process once, as a line, instead of printing it."""
    reported: set[str] = set()

    def once(line: str) -> None:
        if line not in reported:
            reported.add(line)
            report(line)

    before = warnings.showwarning
    warnings.showwarning = _shown(once)
    try:
        yield
    finally:
        warnings.showwarning = before


def write_output(descriptor: int) -> None:
    """Redirect the output of this process and its children to a file descriptor.

    `ProcessOutput` at the other end separates warnings from other output.
    """
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    warnings.showwarning = _shown(_write)


class ProcessOutput:
    """Reads the output of a process and separates warnings from other output.

    Args:
        descriptor: File descriptor to read from; it is set to non-blocking.
        rest: Returns the stream to which all output but warnings is printed.
    """

    def __init__(self, descriptor: int, rest: Callable[[], TextIO]) -> None:
        self._descriptor, self._rest = descriptor, rest
        self._unfinished = b""
        self._is_after_warning = False
        self.is_open = True
        os.set_blocking(descriptor, False)

    def notices(self) -> list[str]:
        """Return the warnings since the last call, and print all other output."""
        return [line for text in self._lines() if (line := self._notice(text)) is not None]

    def close(self) -> list[str]:
        """Return the last warnings, and print all other output including an unfinished line."""
        notices = self.notices()
        if self._unfinished:
            self._print(self._shown(self._unfinished))
        self._unfinished, self.is_open = b"", False
        return notices

    def _lines(self) -> Iterator[str]:
        with suppress(BlockingIOError):
            # The number of reads is limited because a process may print endlessly.
            for _ in range(_READS):
                if not self.is_open:
                    break
                read = os.read(self._descriptor, 2**16)
                self.is_open = bool(read)
                *lines, self._unfinished = (self._unfinished + read).split(b"\n")
                yield from (f"{self._shown(line)}\n" for line in lines)
                # Only the last state of a progress bar is shown, as on a terminal.
                self._unfinished = self._unfinished[self._unfinished.rfind(b"\r", 0, -1) + 1 :]
                if len(self._unfinished) > _LONGEST:
                    yield f"{self._shown(self._unfinished)}\n"
                    self._unfinished = b""

    @staticmethod
    def _shown(line: bytes) -> str:
        """Return a line as a terminal shows it that interprets only carriage returns."""
        return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")

    def _notice(self, text: str) -> str | None:
        """Return the warning in a line; if there is none, print the line and return None."""
        after, self._is_after_warning = self._is_after_warning, False
        if text.startswith(_MARK):
            # A net can print the mark too, followed by anything.
            with suppress(ValueError, RecursionError):
                return one_line(str(json.loads(text.removeprefix(_MARK)))[:_MOST_BYTES])
        if match := _OF_TORCH.match(text):
            place = f" ({Path(match['place']).name})" if match["place"] else ""
            return f"{_FUNCTION.sub('', match['text'].strip())}{place}"
        if match := _OF_PYTHON.match(text):
            self._is_after_warning = True
            return f"{match['text'].strip()} ({Path(match['place']).name})"
        # After a warning, Python prints the line of source code, which is dropped.
        if not (after and text.startswith("  ")):
            self._print(text)
        return None

    def _print(self, text: str) -> None:
        rest = self._rest()
        rest.write(escape(text))
        rest.flush()


def _shown(report: Report) -> Callable[..., None]:
    def showwarning(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any
    ) -> None:
        text = " ".join(_INTERNAL.sub("", str(message)).split())
        origin = f" ({Path(filename).name}:{lineno})"
        report(text if category is Notice else f"{category.__name__}: {text[:500]}{origin}")

    return showwarning


def _write(line: str) -> None:
    # A single write, so that the output of other processes is not interleaved.
    content = f"{_MARK}{json.dumps(line)}\n".encode()
    if len(content) > _MOST_BYTES:
        content = f"{_MARK}{json.dumps(line[:300])}\n".encode()
    with suppress(OSError):
        os.write(2, content)
