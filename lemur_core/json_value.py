"""Check that a value survives conversion to JSON and back unchanged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_DEEPEST = 32


class NotJsonError(ValueError):
    """A value cannot be represented exactly in JSON."""


def json_value(value: Any, most_bytes: int) -> Any:
    """Return a value as it is after conversion to JSON and back, with object members sorted.

    Scalars of NumPy and PyTorch become Python scalars, which represent them exactly. Tuples become
    lists.

    Args:
        value: None, a bool, an integer of any size, a finite float, a string, or lists and
            dictionaries of these with strings as keys.
        most_bytes: Maximum length of the JSON in bytes.

    Raises:
        NotJsonError: The value has another type, is too long, or is nested deeper than 32 levels.

    >>> json_value({"b": (1, 2.0), "a": None}, 100)
    {'a': None, 'b': [1, 2.0]}
    """
    plain = _plain(value, _DEEPEST)
    try:
        size = len(json.dumps(plain))
    # Python does not print integers of more than a few thousand digits.
    except ValueError:
        raise NotJsonError("an integer has too many digits") from None
    if size > most_bytes:
        raise NotJsonError(f"its JSON has {size:,} bytes; at most {most_bytes:,} are allowed")
    return plain


def _plain(value: Any, deepest: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value))
    if isinstance(value, list | tuple | Mapping) and not deepest:
        raise NotJsonError(f"is nested deeper than {_DEEPEST} levels")
    if isinstance(value, list | tuple):
        return [_plain(member, deepest - 1) for member in value]
    if isinstance(value, Mapping):
        return {_key(key): _plain(value[key], deepest - 1) for key in sorted(value, key=_key)}
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    """Return the scalar of an array library as a Python scalar."""
    kind = type(value).__name__
    if hasattr(value, "item") and hasattr(value, "shape"):
        if tuple(value.shape):
            raise NotJsonError(f"is an array ({kind}); expected a scalar, or its .tolist()")
        scalar = value.item()
        if isinstance(scalar, bool | int | float | str):
            return _plain(scalar, 0)
    raise NotJsonError(
        f"is of type {kind}; expected a number, string, bool, None, list or dictionary"
    )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise NotJsonError(f"is or contains {value}; expected finite numbers")
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotJsonError(f"contains a dictionary with the key {key!r}; expected strings as keys")
    return str.__str__(key)
