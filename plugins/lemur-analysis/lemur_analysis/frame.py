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
        SettingsError: It lacks some.
    """
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise SettingsError(
            f"the frame has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(str, frame.columns)) or 'none'}"
        )


def cell_columns(frame: DataFrame) -> list[str]:
    """Return those of `CELL` that a frame has."""
    return [name for name in CELL if name in frame.columns]


def seconds(frame: DataFrame) -> Series:
    """Return the time from the beginning of a row's trial to the end of its epoch, in seconds.

    It is NaN where it is not known; ``duration`` is in nanoseconds.
    """
    return frame["duration"].astype("float64") / NANOSECONDS
