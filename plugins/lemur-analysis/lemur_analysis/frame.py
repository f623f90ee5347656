"""What is expected of a frame of results, and what is read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame, Series

CELL = ("task", "dataset", "metric")
"""Columns within which scores can be compared: no others are averaged together."""
NANOSECONDS = 1e9


def check_columns(frame: DataFrame, needed: tuple[str, ...]) -> None:
    """Check that a frame has the columns that are read.

    Raises:
        SettingsError: It lacks some, or has one twice.
    """
    twice = sorted({name for name in needed if list(frame.columns).count(name) > 1})
    if twice:
        raise SettingsError(f"the frame has several columns {twice[0]!r}; keep one")
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise SettingsError(
            f"the frame has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(str, frame.columns)) or 'none'}"
        )


def cell_columns(frame: DataFrame) -> list[str]:
    """Return those of `CELL` that a frame has."""
    return [name for name in CELL if name in frame.columns]


def numbers(frame: DataFrame, name: str) -> Series:
    """Return a column as float64; what is missing or infinite is NaN.

    Raises:
        SettingsError: It holds something else.
    """
    import numpy as np
    import pandas as pd

    column = frame[name]
    found = pd.to_numeric(column, errors="coerce")
    if not pd.api.types.is_numeric_dtype(column):
        texts = column.map(lambda value: isinstance(value, str)).astype(bool)
        wrong = column[(column.notna() & found.isna()) | texts]
        if len(wrong):
            raise SettingsError(f"column {name!r} holds {wrong.iloc[0]!r}; expected numbers")
    found = found.astype("float64")
    return found.where(np.isfinite(found))


def seconds(frame: DataFrame) -> Series:
    """Return the time from the beginning of a row's trial to the end of its epoch, in seconds.

    It is NaN where it is not known; ``duration`` is in nanoseconds.
    """
    return frame["duration"].astype("float64") / NANOSECONDS
