"""Read the answers of a sandbox's process, which a net may have taken over."""

from __future__ import annotations

import json
import os
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Mapping

# Enough for the longest message of a fork, which is encoded as JSON within JSON.
_MAX_ANSWER_BYTES = 8 * 2**20
_MAX_ERROR_BYTES = 4096
# The members of an answer other than its number, keyed by the first, which names the kind.
_ANSWER_MEMBERS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "ready": {"ready": bool},
    "started": {"started": bool},
    "refused": {"refused": str},
    "said": {"said": str},
    "ended": {"ended": (int, type(None)), "clean": bool},
}


class ForeignAnswerError(Exception):
    """An answer that the process itself cannot have sent."""


class Answers:
    """Reads a process's answers, one JSON object per line, and the end of its standard error.

    Attributes:
        ended: Whether the process has closed its standard output.
        errors: The last 4096 bytes that it wrote to standard error.
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
        """Return the next answer, or None if none arrives in time.

        Args:
            number: The number that the answer must bear.
            kinds: The kinds of answer that are allowed.
            timeout_s: How long to wait for output, in seconds.

        Raises:
            ForeignAnswerError: The answer has another number, kind or form.
        """
        if not self._lines:
            self._receive(timeout_s)
        return _answer(self._lines.pop(0), number, kinds) if self._lines else None

    def close(self) -> None:
        """Stop listening."""
        self._pipes.close()

    def _receive(self, timeout_s: float) -> None:
        for key, _ in self._pipes.select(timeout_s):
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._pipes.unregister(key.fd)
                self.ended |= key.fd == self._stdout
            elif key.fd == self._stdout:
                *lines, self._pending = (self._pending + chunk).split(b"\n")
                self._lines += lines
                if len(self._pending) > _MAX_ANSWER_BYTES:
                    raise ForeignAnswerError
            else:
                self.errors = (self.errors + chunk)[-_MAX_ERROR_BYTES:]


def _answer(line: bytes, number: str, kinds: Collection[str]) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise ForeignAnswerError from None
    if not isinstance(answer, dict) or answer.pop("number", None) != number:
        raise ForeignAnswerError
    members = _ANSWER_MEMBERS.get(next(iter(answer), ""), {})
    is_known = members.keys() == answer.keys() and bool(answer.keys() & kinds)
    if not is_known or not all(isinstance(answer[name], kind) for name, kind in members.items()):
        raise ForeignAnswerError
    return dict(answer)
