"""The streams that commands print to: text of others is shown by a terminal, never obeyed.

Such text is in most of what commands print. The streams escape it, so that no command has to think
of it. Only what `style` marks and `EscapingStream.replace_line` writes reaches a terminal as a
control sequence.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from lemur_core.escapes import escape, one_line
from lemur_core.passwords import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

# Text of others cannot hold what it cannot know.
_MARK = f"\ue000{os.urandom(8).hex()}:"
_MARKED = re.compile(rf"{_MARK}(\d+)m")
_CODES = {"bold": 1, "red": 31, "yellow": 33}
_CLEAR_LINE = "\r\x1b[K"


class TolerantStream(io.TextIOBase):
    """Writes text to another stream, whatever that can encode and whoever is writing already.

    A signal's handler may print while its own thread does, which other streams do not take.

    Args:
        stream: The other stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._waiting: deque[str] = deque()
        self._writer: int | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the other stream."""
        return _encoding_of(self.stream)

    @property
    def errors(self) -> str:  # type: ignore[override]
        """How characters are written that the encoding does not have."""
        return "backslashreplace"

    def write(self, text: str) -> int:
        """Write text."""
        self._put(text)
        return len(text)

    def flush(self) -> None:
        """Write out what is kept back."""
        self._put("", flush=True)

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self.stream.fileno()

    def writable(self) -> bool:
        """Return True."""
        return True

    def __getattr__(self, name: str) -> Any:
        # The stream's name, for example, or how it is buffered.
        return getattr(self.stream, name)

    def _put(self, text: str, *, flush: bool = False) -> None:
        if not text.isascii():
            encoding = _encoding_of(self.stream)
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        self._waiting.append(text)
        if self._writer == threading.get_ident():
            return
        self._writer = threading.get_ident()
        try:
            while self._waiting:
                self.stream.write(self._waiting.popleft())
                if flush:
                    self.stream.flush()
        finally:
            self._writer = None


class EscapingStream(TolerantStream):
    """Writes text to another stream, escaped and without the passwords of URLs.

    Its ``buffer`` takes data: the bytes are written as they are, but shown as text on a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._data = _Data(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the other stream; UTF-8 for ASCII, which nobody need work around."""
        encoding = _encoding_of(self.stream)
        return "utf-8" if codecs.lookup(encoding).name == "ascii" else encoding

    @property
    def buffer(self) -> io.RawIOBase:
        """What takes bytes."""
        return self._data

    def write(self, text: str) -> int:
        """Write text, escaped, with the styles that `style` has marked."""
        self.write_escaped(redact(text))
        return len(text)

    def write_escaped(self, text: str) -> None:
        """Write text that holds no password of ours as `write` does."""
        self._put(_MARKED.sub("\x1b[\\1m", escape(text)))

    def replace_line(self, text: str) -> None:
        """Write text in place of the line that the cursor of a terminal is on."""
        self._put(f"{_CLEAR_LINE}{one_line(redact(text))}", flush=True)


class _Data(io.RawIOBase):
    """Takes the bytes of a stream."""

    def __init__(self, text: EscapingStream) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: Any) -> int:
        content = bytes(data)
        binary = getattr(self._text.stream, "buffer", None)
        if self._text.isatty() or binary is None:
            self._text.write_escaped(self._decoder.decode(content))
        else:
            self._text.flush()
            binary.write(content)
        return len(content)

    def flush(self) -> None:
        if not self.closed:
            self._text.flush()

    def writable(self) -> bool:
        return True


def _encoding_of(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


@contextmanager
def escaping() -> Iterator[None]:
    """Put streams that escape in the place of ``sys.stdout`` and ``sys.stderr``."""
    before = sys.stdout, sys.stderr
    # Where a stream was closed before Python began, there is none.
    ours = [stream and EscapingStream(stream) for stream in before]
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        # Where a reader went away, click has put a stream there that does not complain at the end.
        if [sys.stdout, sys.stderr] == ours:
            sys.stdout, sys.stderr = before


def style(text: str, code: str, *, err: bool = False) -> str:
    """Return text in a style, or as it is where it is not for a terminal.

    Args:
        text: The text.
        code: ``bold``, ``red`` or ``yellow``.
        err: It is for standard error, not for standard output.
    """
    stream = sys.stderr if err else sys.stdout
    if not (isinstance(stream, EscapingStream) and stream.isatty()):
        return text
    return f"{_MARK}{_CODES[code]}m{text}{_MARK}0m"


def unstyled(text: str) -> str:
    """Return text without the marks of `style`."""
    return _MARKED.sub("", text)
