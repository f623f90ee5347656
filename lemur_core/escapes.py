"""Escape untrusted text: all characters that a terminal interprets, hides or reorders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Control characters except tabs and line ends, lone surrogates, and in Unicode's terms separators
# of lines and paragraphs, format characters (bidirectional marks, zero-width characters, tags) and
# default ignorables.
_UNSAFE = (
    "\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f"
    "\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_WITHIN_LINES = re.compile(f"[{_UNSAFE}]")
_ANY = re.compile(f"[{_UNSAFE}\t\n]")
# Some scripts need joiners within words, and emoji contain a joiner and selectors.
_JOINED = re.compile(
    "(?<=[\u0600-\u0dff])[\u200c\u200d](?=[\u0600-\u0dff])"
    "|(?<=[\u203c-\u3299\ufe0f\U0001f000-\U0001faff])"
    "(?:\u200d(?=[\u203c-\u3299\U0001f000-\U0001faff])|[\ufe0e\ufe0f])"
)


def escape(text: str) -> str:
    r"""Return text that is safe to show, with line ends and tabs unchanged.

    Letters of any script and existing escapes are not changed either.

    >>> escape("one\n\x1b]0;title\a two")
    'one\n\\x1b]0;title\\x07 two'
    """
    return _WITHIN_LINES.sub(_escape, text.replace("\r\n", "\n") if "\r" in text else text)


def one_line(text: str) -> str:
    r"""Return text that is safe to show on one line, with line ends and tabs escaped.

    >>> one_line("Net\nother \u202etext")
    'Net\\nother \\u202etext'
    """
    return text if text.isascii() and text.isprintable() else _ANY.sub(_escape, text)


def join_lines(lines: Iterable[str]) -> str:
    r"""Return lines joined by line ends, where no line can look like two.

    >>> join_lines(["net: A", "note: b\nnet: B"])
    'net: A\nnote: b\\nnet: B'
    """
    return "\n".join(map(one_line, lines))


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    return sign if _JOINED.match(match.string, match.start()) else ascii(sign)[1:-1]
