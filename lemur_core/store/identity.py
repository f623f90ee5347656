"""Identities: hashes that are the same on every machine, for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

# Made once: json.dumps makes one at each call that is not plain.
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_SPELT: dict[type, Callable[[Any], str]] = {
    # As that one writes them, only sooner: they are nearly all there is.
    int: int.__repr__,
    str: encode_basestring,
    float: lambda value: float.__repr__(value) if value - value == 0 else _encode(value),
}
# Of what a thousand records have each, the names are the same.
_MANY_NAMES = 4_096


@lru_cache(_MANY_NAMES)
def _members(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return names in order, each with its beginning of a member."""
    return [(name, f"{encode_basestring(name)}:") for name in sorted(names)]


def exact(value: Any) -> str:
    """Return a value's JSON, members in order, reals in the fewest digits that give them back.

    Raises:
        ValueError: It is, or holds, NaN or an infinity, which JSON has not.
        TypeError: It is, or holds, what no JSON has.

    >>> exact(0.1), exact(1.0), exact("a"), exact({"b": 1, "a": [True]})
    ('0.1', '1.0', '"a"', '{"a":[true],"b":1}')
    """
    return _SPELT.get(type(value), _encode)(value)


def canonical_prm(prm: Mapping[str, Any]) -> str:
    """Return an object's JSON as `exact` does, only sooner.

    >>> canonical_prm({"lr": 0.1, "batch": 32})
    '{"batch":32,"lr":0.1}'
    """
    spelt = _SPELT.get
    members = [
        begin + spelt(type(prm[name]), _encode)(prm[name]) for name, begin in _members(tuple(prm))
    ]
    return f"{{{','.join(members)}}}"


def prm_uid(prm: Mapping[str, Any]) -> str:
    """Return the identity of hyperparameters: the hash of their canonical JSON, in any order.

    >>> prm_uid({"lr": 0.1, "batch": 32}) == prm_uid({"batch": 32, "lr": 0.1})
    True
    """
    return digest(canonical_prm(prm))


def digest(text: str) -> str:
    """Return 128 bits of a text's SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def code_hash(code: str) -> str:
    """Return the identity of an entry's code, SHA-256 in hexadecimal."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
