"""Texts as every database takes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    r"""Return a text as every database takes it: NUL and lone surrogates become escapes.

    >>> storable("nul \0, half an emoji \ud83d, ä")
    'nul \\x00, half an emoji \\ud83d, ä'
    """
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code else "\\x00"


def now() -> str:
    """Return the time as the database has it, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
