"""Count the tokens of a source."""

from __future__ import annotations

import io
import tokenize

from lemur_core.code import split_modules

_LAYOUT = (tokenize.ENCODING, tokenize.NL, tokenize.ENDMARKER)


def count_tokens(code: str) -> int | None:
    """Return the number of Python tokens in all modules of a source, or None if it is not Python.

    >>> count_tokens("x = 1  # one"), count_tokens("x = (")
    (5, None)
    """
    parts = split_modules(code)
    try:
        return sum(
            token.type not in _LAYOUT
            for text in (parts.main, *parts.modules.values())
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
        )
    except (tokenize.TokenError, SyntaxError):
        return None
