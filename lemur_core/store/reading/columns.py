"""Convert each column to a single type, for file formats whose columns have a type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pandas import DataFrame, Series

_INT64 = range(-(2**63), 2**63)
_WORDS = {bool: "true or false", int: "whole numbers", float: "numbers", str: "text"}


def unify_types(frame: DataFrame) -> tuple[DataFrame, list[str]]:
    """Convert each column of a frame to a single type.

    A column of integers and other numbers becomes numeric. A column of several types becomes text,
    and so does a column with an integer that does not fit in int64 or, if the column also holds
    other numbers, that float64 cannot represent exactly. Dictionaries and lists become JSON text.
    Missing values stay missing. Characters that UTF-8 cannot encode are replaced by their escape
    sequences.

    Args:
        frame: Rows of results.

    Returns:
        The frame, and a note for each column that was converted to text.
    """
    changed = frame.copy(deep=False)
    changed.columns = [escape_surrogates(str(name)) for name in frame.columns]
    notes = []
    for name in changed.columns:
        if changed[name].dtype == object:
            changed[name], content = _unify_type(map_values(changed[name], to_json))
            notes += (
                [f"{name} holds {content}; all its values are written as text"] if content else []
            )
    return changed, notes


def map_values(column: Series, make: Callable[[Any], Any]) -> Series:
    """Apply a function to each value; unlike pandas' own ``map`` it does not convert types."""
    return column.__class__([make(value) for value in column], index=column.index, dtype=object)


def to_json(value: Any) -> Any:
    """Return the JSON text of a dictionary or list; return any other value unchanged."""
    return json.dumps(value) if isinstance(value, dict | list | tuple) else value


def escape_surrogates(text: str) -> str:
    r"""Replace the characters that UTF-8 cannot encode by their escape sequences.

    >>> escape_surrogates("a\ud800b")
    'a\\ud800b'
    """
    return text.encode(errors="backslashreplace").decode()


def number_type(values: Iterable[Any]) -> str | None:
    """Return the dtype that holds these numbers and missing values exactly; None if there is none.

    >>> number_type([1, None, 3]), number_type([1, 2.5]), number_type([2**53 + 1, 2.5])
    ('Int64', 'float64', None)
    """
    present = [value for value in values if not is_missing(value)]
    types = {type(value) for value in present}
    if types == {int} and all(value in _INT64 for value in present):
        return "Int64"
    if types and types <= {int, float} and all(_is_float(value) for value in present):
        return "float64"
    return None


def plain_series(values: list[Any]) -> Series:
    """Return a column that holds each value exactly."""
    import pandas as pd

    if values and all(type(value) is bool for value in values):
        return pd.Series(values)
    # Other values stay Python objects: pandas' text type cannot hold every text that JSON can, and
    # its number types hold neither every integer nor, beside missing values, any exact integer.
    return pd.Series(values, dtype=number_type(values) or object)


def _unify_type(column: Series) -> tuple[Series, str]:
    present = [value for value in column if not is_missing(value)]
    types = {type(value) for value in present}
    if types <= {bool}:
        return column.astype("boolean"), ""
    if types <= {int, float}:
        dtype = number_type(present)
        return (column.astype(dtype), "") if dtype else (_as_text(column), "very large numbers")
    if len(types) > 1:
        type_names = sorted({_WORDS.get(type_, type_.__name__) for type_ in types})
        return _as_text(column), " and ".join(type_names)
    return (_as_text(column) if types == {str} else column), ""


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
    """Return whether a value is None, NaN or one of pandas' own missing values."""
    import pandas as pd

    return value is None or value is pd.NA or value is pd.NaT or value != value
