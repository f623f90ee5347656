"""Identities: hashes that are the same on every machine, for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

# Made once: json.dumps makes one at each call that is not plain.
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode
_quoted = lru_cache(maxsize=4096)(_encode)


def exact(value: Any) -> str:
    """Return a value's JSON, members in order, reals in the fewest digits that give them back.

    Raises:
        ValueError: It is, or holds, NaN or an infinity, which JSON has not.
        TypeError: It is, or holds, what no JSON has.

    >>> exact(0.1), exact(1.0), exact("a"), exact({"b": 1, "a": [True]})
    ('0.1', '1.0', '"a"', '{"a":[true],"b":1}')
    """
    # Numbers are most of what there is, and these are as the encoder writes them.
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is float and value - value == 0:
        return repr(value)
    return _encode(value)


def canonical_prm(prm: Mapping[str, Any]) -> str:
    """Return hyperparameters as `exact` does, only sooner.

    >>> canonical_prm({"lr": 0.1, "batch": 32})
    '{"batch":32,"lr":0.1}'
    """
    return f"{{{','.join([f'{_quoted(name)}:{exact(prm[name])}' for name in sorted(prm)])}}}"


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
