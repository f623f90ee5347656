"""Stable identities: hashes that are the same on every machine and in every version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Encoder = Callable[[Any], str]


def _reject(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__}: no JSON has it")


_encode_public: Encoder = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
    default=_reject,
).encode


def _encoders() -> tuple[Encoder, Encoder]:
    """Return an encoder for any value and an encoder for strings.

    CPython's private encoder avoids the set-up that `json.JSONEncoder` repeats at each call, which
    takes longer than the encoding itself. If it is missing or has another signature, the public
    encoder returns the same text.
    """
    try:
        from json.encoder import (  # type: ignore[attr-defined]
            c_make_encoder,
            encode_basestring,
        )

        chunks = c_make_encoder(
            None, _reject, encode_basestring, None, ":", ",", True, False, False
        )
        if "".join(chunks(_PROBE, 0)) == _PROBE_TEXT:
            return lambda value: "".join(chunks(value, 0)), encode_basestring
    # The private encoder is missing or has another signature.
    except (ImportError, TypeError):
        pass
    return _encode_public, _encode_public


_PROBE = {"b": [1, -0.5, None, True], "a": "ä\n"}
_PROBE_TEXT = r'{"a":"ä\n","b":[1,-0.5,null,true]}'
_encode, _encode_text = _encoders()

_FAST_ENCODERS: dict[type, Encoder] = {
    # The most frequent types; the result is the same as that of the encoder, but faster.
    int: int.__repr__,
    str: _encode_text,
    float: lambda value: float.__repr__(value) if value - value == 0 else _encode(value),
}


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, floats in the shortest exact form.

    Raises:
        ValueError: The value is or contains NaN or an infinity.
        TypeError: The value is or contains an object that JSON cannot represent.

    >>> [canonical_json(value) for value in (0.1, 1.0, "a", {"b": 1, "a": [True]})]
    ['0.1', '1.0', '"a"', '{"a":[true],"b":1}']
    """
    return _FAST_ENCODERS.get(type(value), _encode)(value)


def prm_uid(prm: Mapping[str, Any]) -> str:
    """Return the identity of hyperparameters, which does not depend on their order.

    >>> prm_uid({"lr": 0.1, "batch": 32}) == prm_uid({"batch": 32, "lr": 0.1})
    True
    """
    return digest(canonical_json(prm))


def digest(text: str) -> str:
    """Return the first 128 bits of a text's SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def code_hash(code: str) -> str:
    """Return the identity of an entry's code: its SHA-256, hexadecimal."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
