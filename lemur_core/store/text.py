"""Text and timestamps in a form that every database can store."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    r"""Return a text that every database can store: NUL and lone surrogates are escaped.

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
    """Return the current time in the database's format: ISO 8601 in UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
