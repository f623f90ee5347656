"""Identities: hashes that are the same on every machine, for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Encoder = Callable[[Any], str]


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__}: no JSON has it")


_public: Encoder = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
    default=_refuse,
).encode


def _encoders() -> tuple[Encoder, Encoder]:
    """Return the encoder of any value, and that of texts.

    CPython's own parts of ``json`` do what `json.JSONEncoder` does without its set-up at each call,
    which takes longer than the encoding. They are private: where they are missing or are called
    differently, the public encoder gives the same text.
    """
    try:
        from json.encoder import (  # type: ignore[attr-defined]
            c_make_encoder,
            encode_basestring,
        )

        chunks = c_make_encoder(
            None, _refuse, encode_basestring, None, ":", ",", True, False, False
        )
        if "".join(chunks(_PROBE, 0)) == _PROBE_TEXT:
            return lambda value: "".join(chunks(value, 0)), encode_basestring
    # None, or of another signature.
    except (ImportError, TypeError):
        pass
    return _public, _public


_PROBE = {"b": [1, -0.5, None, True], "a": "ä\n"}
_PROBE_TEXT = r'{"a":"ä\n","b":[1,-0.5,null,true]}'
_encode, _encode_text = _encoders()

_SPELT: dict[type, Encoder] = {
    # As that one writes them, only sooner: they are nearly all there is.
    int: int.__repr__,
    str: _encode_text,
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
