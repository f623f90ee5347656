"""Check that a value is JSON that comes back exactly as it was given."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_DEEPEST = 32


class NotJsonError(ValueError):
    """A value that JSON does not hold exactly, and why."""


def json_value(value: Any, most_bytes: int) -> Any:
    """Return a value as JSON gives it back, the members of its objects in order.

    Scalars of NumPy and PyTorch become Python's, which hold each of them exactly. Tuples become
    lists.

    Args:
        value: None, a bool, a whole number of any size, a finite float, a text, or lists and
            dictionaries of these whose keys are texts.
        most_bytes: How long its JSON may be.

    Raises:
        NotJsonError: It is something else, too long, or nested deeper than 32 levels.

    >>> json_value({"b": (1, 2.0), "a": None}, 100)
    {'a': None, 'b': [1, 2.0]}
    """
    plain = _plain(value, _DEEPEST)
    try:
        size = len(json.dumps(plain))
    # Python writes no whole number of more than some thousand digits.
    except ValueError:
        raise NotJsonError("a whole number has too many digits") from None
    if size > most_bytes:
        raise NotJsonError(f"its JSON has {size:,} bytes; at most {most_bytes:,} are kept")
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
        return [_plain(one, deepest - 1) for one in value]
    if isinstance(value, Mapping):
        return {_key(key): _plain(value[key], deepest - 1) for key in sorted(value, key=_key)}
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    """Return the Python scalar that a scalar of an array library is."""
    kind = type(value).__name__
    if hasattr(value, "item") and hasattr(value, "shape"):
        if tuple(value.shape):
            raise NotJsonError(f"is an array ({kind}); expected a scalar, or its .tolist()")
        scalar = value.item()
        if isinstance(scalar, bool | int | float | str):
            return _plain(scalar, 0)
    raise NotJsonError(
        f"is of type {kind}; expected a number, text, bool, None, list or dictionary"
    )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise NotJsonError(f"is or holds {value}; expected finite numbers")
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotJsonError(f"holds a dictionary with the key {key!r}; expected texts as keys")
    return str.__str__(key)
