"""Warnings in one line each, told to a campaign instead of printed between its own lines."""

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

# Writes of so many bytes to a pipe are never mixed with those of other processes.
_MOST_BYTES = 2048
# An unfinished line that is longer is printed as it is, and no more is read at a time: a net may
# print without end.
_LONGEST, _READS = 2**16, 16
_MARK = "\x1elemur-notice "
_INTERNAL = re.compile(r"\s*\(Triggered internally at .*?\)\s*$", re.DOTALL)
# As torch's C++ writes them, and as Python does.
_OF_TORCH = re.compile(
    r"\[W\d*+(?: [\d:.\-]++(?=[ \]]))*+ ?(?P<place>[\w./-]{1,300}\.\w{1,9}:\d{1,9})?\]"
    r"\s*(?:Warning: )?(?P<text>.+)"
)
_OF_PYTHON = re.compile(r"(?P<place>\S.*\.py:\d+): (?P<text>\w*Warning: .+)")
_FUNCTION = re.compile(r" \(function [^()]*(?:\(\))?\)$")

Tell = Callable[[str], None]


@contextmanager
def warnings_told(tell: Tell) -> Iterator[None]:
    """Tell each of this process's warnings once, as a line, instead of printing it."""
    told: set[str] = set()

    def once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    before = warnings.showwarning
    warnings.showwarning = _shown(once)
    try:
        yield
    finally:
        warnings.showwarning = before


def write_output(descriptor: int) -> None:
    """Send what this process and those that it starts print to a file descriptor.

    `Output` at the other end tells warnings from the rest.
    """
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    warnings.showwarning = _shown(_write)


class Output:
    """What a process prints: its warnings, each once, and the rest.

    Args:
        descriptor: Where it can be read, without waiting.
        rest: Where all but warnings is printed.
    """

    def __init__(self, descriptor: int, rest: Callable[[], TextIO]) -> None:
        self._descriptor, self._rest = descriptor, rest
        self._begun = b""
        self._is_after_warning = False
        self.is_open = True
        os.set_blocking(descriptor, False)

    def notices(self) -> list[str]:
        """Return the warnings that were printed since it was asked last, and print the rest."""
        return [line for text in self._lines() if (line := self._notice(text)) is not None]

    def close(self) -> list[str]:
        """Return the last warnings, and print the rest, an unfinished line too."""
        found = self.notices()
        if self._begun:
            self._print(self._shown(self._begun))
        self._begun, self.is_open = b"", False
        return found

    def _lines(self) -> Iterator[str]:
        with suppress(BlockingIOError):
            # A process that prints without end is not waited for.
            for _ in range(_READS):
                if not self.is_open:
                    break
                read = os.read(self._descriptor, 2**16)
                self.is_open = bool(read)
                *lines, self._begun = (self._begun + read).split(b"\n")
                yield from (f"{self._shown(line)}\n" for line in lines)
                # Of a progress bar only the end is shown, as on a terminal.
                self._begun = self._begun[self._begun.rfind(b"\r", 0, -1) + 1 :]
                if len(self._begun) > _LONGEST:
                    yield f"{self._shown(self._begun)}\n"
                    self._begun = b""

    @staticmethod
    def _shown(line: bytes) -> str:
        """Return what a terminal that only obeys carriage returns would show of a line."""
        return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")

    def _notice(self, text: str) -> str | None:
        """Return the warning that a line is; None where it is none, and was printed."""
        after, self._is_after_warning = self._is_after_warning, False
        if text.startswith(_MARK):
            # A net can print the mark too, and anything after it.
            with suppress(ValueError, RecursionError):
                return one_line(str(json.loads(text.removeprefix(_MARK)))[:_MOST_BYTES])
        if match := _OF_TORCH.match(text):
            place = f" ({Path(match['place']).name})" if match["place"] else ""
            return f"{_FUNCTION.sub('', match['text'].strip())}{place}"
        if match := _OF_PYTHON.match(text):
            self._is_after_warning = True
            return f"{match['text'].strip()} ({Path(match['place']).name})"
        # Python prints the line of code below.
        if not (after and text.startswith("  ")):
            self._print(text)
        return None

    def _print(self, text: str) -> None:
        rest = self._rest()
        rest.write(escape(text))
        rest.flush()


def _shown(tell: Tell) -> Callable[..., None]:
    def showwarning(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any
    ) -> None:
        text = " ".join(_INTERNAL.sub("", str(message)).split())
        tell(f"{category.__name__}: {text[:500]} ({Path(filename).name}:{lineno})")

    return showwarning


def _write(line: str) -> None:
    # One write, so that what other processes print does not get between.
    sent = f"{_MARK}{json.dumps(line)}\n".encode()
    if len(sent) > _MOST_BYTES:
        sent = f"{_MARK}{json.dumps(line[:300])}\n".encode()
    with suppress(OSError):
        os.write(2, sent)
