"""Tables of results for papers and pages: the columns that are worth printing, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.escapes import one_line
from lemur_core.store.reading.collected import ROLES
from lemur_core.store.reading.columns import is_missing, to_json
from lemur_core.store.reading.filters import PRM
from lemur_core.store.reading.frame_options import COLUMNS, CURVE, STATS
from lemur_core.store.reading.metric_errors import ERRORS
from lemur_core.store.reading.seeds import ERROR_SEEDS, SEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas import DataFrame

NOTE = "mean ± sample standard deviation over n seeds, a single score where n is 1"
"""What a table with averaged scores means."""
_HEADERS = {
    "nn": "net", "accuracy": "test", "seeds": "n", "prm": "hyperparameters",
    "error": "test error", "validation_error": "validation error",
}  # fmt: skip
_SCORES = ("accuracy", "validation", *ERRORS)
_OF_SCORES = ("accuracy", "validation", "predicted", *SEEDS[1:])
_DECIMALS = (*_OF_SCORES, *ERRORS, *ERROR_SEEDS)
# Errors from here on have four significant digits, as very small ones.
_MOST_FIXED = 10**6
_MISSING = "-"


class PrintedTable(NamedTuple):
    """A table of text.

    Attributes:
        headers: Name of each column.
        rows: Cells of each row, each on one line.
        numeric: Whether each column holds numbers.
        averaged: Whether some scores are means, as `NOTE` says.
    """

    headers: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    averaged: bool


def printed_table(frame: DataFrame, digits: int, *, chosen: bool) -> PrintedTable:
    """Return results as text.

    Args:
        frame: Results, as `lemur_core.data` returns them.
        digits: Number of decimals of scores. Other floats have four significant digits.
        chosen: Whether the user chose the columns: all are printed under their own names. Otherwise
            those that describe and tell apart the rows are, and scores are means if some settings
            were trained with several seeds.
    """
    averaged = not chosen and "seeds" in frame and bool((frame["seeds"].fillna(0) > 1).any())
    names = list(frame) if chosen else list(_worth_printing(frame, averaged))
    columns = [
        _averages(frame, name, digits)
        if averaged and name in _SCORES
        else [_cell(name, value, digits) for value in frame[name].tolist()]
        for name in names
    ]
    headers = [name if chosen else _HEADERS.get(name, name.removeprefix(PRM)) for name in names]
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    return PrintedTable(headers, rows, [_is_numeric(column) for column in columns], averaged)


def _worth_printing(frame: DataFrame, averaged: bool) -> Iterable[str]:
    if frame["task"].nunique() > 1:
        yield "task"
    yield "dataset"
    # The data label is only needed if the rows come from datasets of different content.
    if frame["data"].nunique(dropna=False) > 1:
        yield "data"
    yield from ("metric", "nn")
    # Scores of errors are only there to rank.
    errors = frame["error"].notna() if "error" in frame else None
    if errors is None or not errors.all():
        yield "accuracy"
        if frame["validation"].notna().any():
            yield "validation"
    if errors is not None and errors.any():
        yield from ERRORS
    if averaged:
        yield "seeds"
    yield "epoch"
    # Hyperparameters in columns of their own, and what the user asked for: facts, roles, details.
    others = {*COLUMNS, *SEEDS, *ERRORS, *ERROR_SEEDS} - {"prm"}
    requested = [name for name in frame if name not in others]
    order = {name: index for index, name in enumerate([*ROLES, *STATS, CURVE])}
    yield from sorted(requested, key=lambda name: (name in order, order.get(name, 0)))


def _averages(frame: DataFrame, name: str, digits: int) -> list[str]:
    columns = (frame[name], frame[f"{name}_mean"], frame[f"{name}_std"])
    return [
        _cell(name, score if is_missing(mean) else mean, digits)
        + ("" if is_missing(deviation) else f" ± {deviation:.{digits}f}")
        for score, mean, deviation in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _cell(name: str, value: Any, digits: int) -> str:
    if is_missing(value):
        return _MISSING
    if name == "prm":
        pairs = sorted(value.items())
        return one_line(" ".join(f"{key}={_cell(key, item, digits)}" for key, item in pairs))
    if isinstance(value, float):
        is_fixed = name in _DECIMALS and (value == 0 or 10**-digits <= abs(value) < _MOST_FIXED)
        return f"{value:.{digits}f}" if is_fixed or name in _OF_SCORES else f"{value:.4g}"
    return one_line(str(to_json(value)))


def _is_numeric(column: list[str]) -> bool:
    return all(cell == _MISSING or _is_number(cell.partition(" ± ")[0]) for cell in column)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
