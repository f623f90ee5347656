"""Output streams that escape untrusted text, so that a terminal shows it but never obeys it.

Most output of commands contains text written by others. The streams escape all of it, so commands
do not have to. Only the styles marked by `style` and the text of `EscapingStream.replace_line`
reach a terminal as control sequences.
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

# Untrusted text cannot contain this mark, because it is random.
_MARK = f"\ue000{os.urandom(8).hex()}:"
_MARKED = re.compile(rf"{_MARK}(\d+)m")
_CODES = {"bold": 1, "red": 31, "yellow": 33}
_CLEAR_LINE = "\r\x1b[K"


class TolerantStream(io.TextIOBase):
    """Writes text to another stream, escaping characters that the other stream cannot encode.

    A signal handler may print while its own thread is printing, which other streams do not allow.

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
        """How characters that cannot be encoded are written."""
        return "backslashreplace"

    def write(self, text: str) -> int:
        """Write text."""
        self._put(text)
        return len(text)

    def flush(self) -> None:
        """Flush the other stream."""
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
        # For example the name of the stream or its buffering.
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
    """Writes text to another stream, escaped and without the passwords in URLs.

    Bytes written to its ``buffer`` are passed on unchanged, but on a terminal they are decoded and
    escaped.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._data = _Data(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the other stream, or UTF-8 instead of ASCII.

        Text is escaped on writing, so callers need not avoid characters outside ASCII.
        """
        encoding = _encoding_of(self.stream)
        return "utf-8" if codecs.lookup(encoding).name == "ascii" else encoding

    @property
    def buffer(self) -> io.RawIOBase:
        """The binary stream."""
        return self._data

    def write(self, text: str) -> int:
        """Write text, escaped, with the styles marked by `style`."""
        self.write_escaped(redact(text))
        return len(text)

    def write_escaped(self, text: str) -> None:
        """Write text as `write` does, but without looking for passwords."""
        self._put(_MARKED.sub("\x1b[\\1m", escape(text)))

    def replace_line(self, text: str) -> None:
        """Replace the current line of a terminal with text."""
        self._put(f"{_CLEAR_LINE}{one_line(redact(text))}", flush=True)


class _Data(io.RawIOBase):
    """The binary buffer of an `EscapingStream`."""

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
    """Replace ``sys.stdout`` and ``sys.stderr`` with escaping streams for the block."""
    before = sys.stdout, sys.stderr
    # A stream that was closed before Python started is None.
    ours = [stream and EscapingStream(stream) for stream in before]
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        # If the reader of a pipe is gone, click has installed a stream that ignores errors at exit.
        if [sys.stdout, sys.stderr] == ours:
            sys.stdout, sys.stderr = before


def style(text: str, code: str, *, err: bool = False) -> str:
    """Return text marked with a style, or unchanged if the stream is not a terminal.

    Args:
        text: The text.
        code: ``bold``, ``red`` or ``yellow``.
        err: Whether the text is for standard error instead of standard output.
    """
    stream = sys.stderr if err else sys.stdout
    if not (isinstance(stream, EscapingStream) and stream.isatty()):
        return text
    return f"{_MARK}{_CODES[code]}m{text}{_MARK}0m"


def unstyled(text: str) -> str:
    """Return text without the marks of `style`."""
    return _MARKED.sub("", text)
