"""Bring the values of each column to one type, for files whose columns have one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pandas import DataFrame, Series

_INT64 = range(-(2**63), 2**63)
_WORDS = {bool: "true or false", int: "whole numbers", float: "numbers", str: "text"}


def unify_types(frame: DataFrame) -> tuple[DataFrame, list[str]]:
    """Return a frame each of whose columns has values of one type, and what that changed.

    Whole numbers and others are numbers together. A column of several types becomes text, and so
    does one with a whole number that neither int64 nor, beside other numbers, float64 holds
    exactly. Dictionaries and lists become their JSON. What is missing stays missing. A character
    that UTF-8 cannot encode is written as its escape.

    Args:
        frame: Rows of results.

    Returns:
        The frame; and a line for each column whose values were made text.
    """
    changed = frame.copy(deep=False)
    changed.columns = [escape_surrogates(str(name)) for name in frame.columns]
    notes = []
    for name in changed.columns:
        if changed[name].dtype == object:
            changed[name], why = _unify_type(map_values(changed[name], to_json))
            notes += [f"{name} holds {why}; all its values are written as text"] if why else []
    return changed, notes


def map_values(column: Series, make: Callable[[Any], Any]) -> Series:
    """Return what is made of each value; unlike pandas' own ``map`` it leaves the types alone."""
    return column.__class__([make(value) for value in column], index=column.index, dtype=object)


def to_json(value: Any) -> Any:
    """Return the JSON of a dictionary or list, and any other value as it is."""
    return json.dumps(value) if isinstance(value, dict | list | tuple) else value


def escape_surrogates(text: str) -> str:
    r"""Return a text that UTF-8 can encode, the characters that it cannot as their escapes.

    >>> escape_surrogates("a\ud800b")
    'a\\ud800b'
    """
    return text.encode(errors="backslashreplace").decode()


def number_type(values: Iterable[Any]) -> str | None:
    """Return the dtype that holds numbers and what is missing exactly; None if there is none.

    >>> number_type([1, None, 3]), number_type([1, 2.5]), number_type([2**53 + 1, 2.5])
    ('Int64', 'float64', None)
    """
    present = [value for value in values if not is_missing(value)]
    kinds = {type(value) for value in present}
    if kinds == {int} and all(value in _INT64 for value in present):
        return "Int64"
    if kinds and kinds <= {int, float} and all(_is_float(value) for value in present):
        return "float64"
    return None


def plain_series(values: list[Any]) -> Series:
    """Return values as a column that holds each of them exactly."""
    import pandas as pd

    if values and all(type(value) is bool for value in values):
        return pd.Series(values)
    # Anything else as it is: pandas' own text cannot hold every text that JSON can, and its
    # numbers neither every whole number nor, where one is missing, any as a whole number.
    return pd.Series(values, dtype=number_type(values) or object)


def _unify_type(column: Series) -> tuple[Series, str]:
    present = [value for value in column if not is_missing(value)]
    kinds = {type(value) for value in present}
    if kinds <= {bool}:
        return column.astype("boolean"), ""
    if kinds <= {int, float}:
        dtype = number_type(present)
        return (column.astype(dtype), "") if dtype else (_as_text(column), "very large numbers")
    if len(kinds) > 1:
        words = sorted({_WORDS.get(kind, kind.__name__) for kind in kinds})
        return _as_text(column), " and ".join(words)
    return (_as_text(column) if kinds == {str} else column), ""


def _as_text(column: Series) -> Series:
    return map_values(
        column, lambda value: None if is_missing(value) else escape_surrogates(str(value))
    )


def _is_float(value: float) -> bool:
    try:
        return value != value or float(value) == value
    except OverflowError:
        return False


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN or one that pandas has for what is missing."""
    import pandas as pd

    return value is None or value is pd.NA or value is pd.NaT or value != value
