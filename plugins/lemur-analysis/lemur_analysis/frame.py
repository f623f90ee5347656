"""Columns of a DataFrame of results: checks and conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

CELL = ("task", "dataset", "metric")
"""Columns that identify a cell. Only scores of the same cell are compared or averaged."""
NANOSECONDS = 1e9


def check_columns(frame: DataFrame, needed: tuple[str, ...]) -> None:
    """Check that a frame has the needed columns.

    Raises:
        SettingsError: A column is missing, or appears twice.
    """
    duplicates = sorted({name for name in needed if list(frame.columns).count(name) > 1})
    if duplicates:
        raise SettingsError(f"the frame has several columns {duplicates[0]!r}; keep one")
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise SettingsError(
            f"the frame has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(str, frame.columns)) or 'none'}"
        )


def cell_columns(frame: DataFrame) -> list[str]:
    """Return the columns of `CELL` that the frame has."""
    return [name for name in CELL if name in frame.columns]


def numbers(frame: DataFrame, name: str) -> Series:
    """Return a column as float64; missing and infinite values are NaN.

    Raises:
        SettingsError: The column contains values that are not numbers.
    """
    import numpy as np
    import pandas as pd

    column = frame[name]
    values = pd.to_numeric(column, errors="coerce")
    if not pd.api.types.is_numeric_dtype(column):
        texts = column.map(lambda value: isinstance(value, str)).astype(bool)
        wrong = column[(column.notna() & values.isna()) | texts]
        if len(wrong):
            raise SettingsError(f"column {name!r} holds {wrong.iloc[0]!r}; expected numbers")
    values = values.astype("float64")
    return values.where(np.isfinite(values))


def seconds(frame: DataFrame) -> Series:
    """Return the time from the start of each row's trial to the end of its epoch, in seconds.

    It is computed from ``duration``, in nanoseconds; unknown times are NaN.
    """
    return frame["duration"].astype("float64") / NANOSECONDS
