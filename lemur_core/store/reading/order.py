"""Put rows of results in the order that a user requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.store.reading.columns import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas import DataFrame, Series

    from lemur_core.store.reading.highest import By


def best_first(frame: DataFrame, by: By) -> Any:
    """Return the index of rows by task, dataset and metric, best first.

    Rows without a validation score follow those with one; ties keep their order.

    Args:
        frame: Rows with the columns ``task, dataset, metric, validation, accuracy``.
        by: Score that ranks them.
    """
    keys = frame[["task", "dataset", "metric"]]
    if by == "accuracy":
        keys = keys.assign(score=-frame["accuracy"])
    else:
        unknown = frame["validation"].isna()
        score = frame["validation"].fillna(frame["accuracy"])
        keys = keys.assign(unknown=unknown, score=-score)
    return keys.sort_values([*keys], kind="stable").index


def in_order(frame: DataFrame, keys: Iterable[tuple[str, bool]]) -> list[Any]:
    """Return the index of rows sorted by columns; ties keep their order, missing values come last.

    Args:
        frame: Rows with these columns.
        keys: Name of each column and whether it is sorted in descending order, most important
            first.

    Raises:
        SettingsError: A column has values that have no order.
    """
    index = list(frame.index)
    for name, descending in reversed(list(keys)):
        index = _sorted(index, frame[name], descending)
    return index


def _sorted(index: list[Any], column: Series, descending: bool) -> list[Any]:
    keys = {label: _key(column.name, value) for label, value in column.items()}
    present = [label for label in index if keys[label]]
    missing = [label for label in index if not keys[label]]
    # In Python, a reversed sort keeps the order of ties too.
    return sorted(present, key=keys.__getitem__, reverse=descending) + missing


def _key(name: Any, value: Any) -> tuple[Any, ...]:
    """Return a key that puts numbers before text; empty for a missing value."""
    if isinstance(value, dict | list | tuple):
        raise SettingsError(f"rows cannot be sorted by {name!r}, whose values have no order")
    return () if is_missing(value) else (isinstance(value, str), value)
