"""What the process of a box answers, read as the words of whoever may have taken its place."""

from __future__ import annotations

import json
import os
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Mapping

# As JSON, within JSON: of what a fork may say, and a little.
_LONGEST = 8 * 2**20
_ERRORS_KEPT = 4096
# The members of an answer beside its number, by the first of them, which names it.
_FORMS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "ready": {"ready": bool},
    "started": {"started": bool},
    "refused": {"refused": str},
    "said": {"said": str},
    "ended": {"ended": (int, type(None)), "clean": bool},
}


class ForeignAnswerError(Exception):
    """What came is not an answer that can come from the process itself."""


class Answers:
    """The answers of a process, a JSON object a line, and the end of what it complains of.

    Attributes:
        ended: Whether it will answer no more.
        errors: What it last wrote on standard error.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.ended, self.errors, self._pending = False, b"", b""
        self._lines: list[bytes] = []
        self._pipes = selectors.DefaultSelector()
        self._stdout = process.stdout.fileno()
        for pipe in (self._stdout, process.stderr.fileno()):
            os.set_blocking(pipe, False)
            self._pipes.register(pipe, selectors.EVENT_READ)

    def read(self, number: str, kinds: Collection[str], timeout_s: float) -> dict[str, Any] | None:
        """Return the next answer; None where there is none within the time.

        Args:
            number: What it has to bear.
            kinds: What it may be.
            timeout_s: How long to wait for something.

        Raises:
            ForeignAnswerError: Something else came.
        """
        if not self._lines:
            self._receive(timeout_s)
        return _answer(self._lines.pop(0), number, kinds) if self._lines else None

    def close(self) -> None:
        """Stop listening."""
        self._pipes.close()

    def _receive(self, timeout_s: float) -> None:
        for key, _ in self._pipes.select(timeout_s):
            some = os.read(key.fd, 65536)
            if not some:
                self._pipes.unregister(key.fd)
                self.ended |= key.fd == self._stdout
            elif key.fd == self._stdout:
                *lines, self._pending = (self._pending + some).split(b"\n")
                self._lines += lines
                if len(self._pending) > _LONGEST:
                    raise ForeignAnswerError
            else:
                self.errors = (self.errors + some)[-_ERRORS_KEPT:]


def _answer(line: bytes, number: str, kinds: Collection[str]) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ForeignAnswerError from None
    if not isinstance(found, dict) or found.pop("number", None) != number:
        raise ForeignAnswerError
    form = _FORMS.get(next(iter(found), ""), {})
    is_known = form.keys() == found.keys() and bool(found.keys() & kinds)
    if not is_known or not all(isinstance(found[name], kind) for name, kind in form.items()):
        raise ForeignAnswerError
    return dict(found)
