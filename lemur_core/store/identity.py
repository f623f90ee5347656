"""Identities: hashes that are the same on every machine, for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any, NoReturn


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__}: no JSON has it")


# The one of C at the heart of json.dumps, which makes it anew at each call that is not plain.
_chunks = c_make_encoder(None, _refuse, encode_basestring, None, ":", ",", True, False, False)


def _encode(value: Any) -> str:
    return "".join(_chunks(value, 0))


_SPELT: dict[type, Callable[[Any], str]] = {
    # As that one writes them, only sooner: they are nearly all there is.
    int: int.__repr__,
    str: encode_basestring,
    float: lambda value: float.__repr__(value) if value - value == 0 else _encode(value),
}


def exact(value: Any) -> str:
    """Return a value's JSON, members in order, reals in the fewest digits that give them back.

    Raises:
        ValueError: It is, or holds, NaN or an infinity, which JSON has not.
        TypeError: It is, or holds, what no JSON has.

    >>> exact(0.1), exact(1.0), exact("a"), exact({"b": 1, "a": [True]})
    ('0.1', '1.0', '"a"', '{"a":[true],"b":1}')
    """
    return _SPELT.get(type(value), _encode)(value)


def prm_uid(prm: Mapping[str, Any]) -> str:
    """Return the identity of hyperparameters: the hash of their canonical JSON, in any order.

    >>> prm_uid({"lr": 0.1, "batch": 32}) == prm_uid({"batch": 32, "lr": 0.1})
    True
    """
    return digest(exact(prm))


def digest(text: str) -> str:
    """Return 128 bits of a text's SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def code_hash(code: str) -> str:
    """Return the identity of an entry's code, SHA-256 in hexadecimal."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
