"""The tables of ``lemur trials``."""

from __future__ import annotations

import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import prm_text
from lemur_core.continuation import origin_in
from lemur_core.error_metric import error_number
from lemur_core.store.reading.trial_rows import value_of
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from lemur_core.store.reading.trial_rows import Row

_BOARD = ("task", "dataset", "metric")
# Columns that a narrow terminal leaves out, the first ones first.
_OPTIONAL = ("seconds", "user", "started", "number")


def trials_table(rows: Sequence[Row]) -> str:
    """Return trials as a table with the main columns, of which a narrow terminal shows fewer.

    Args:
        rows: Trials, as `lemur_core.store.reading.trial_rows` returns them.
    """
    if not rows:
        return "no such trials"
    boards = {"_".join(row[part] for part in _BOARD) for row in rows}
    net = "net" if len(boards) == 1 else "pipeline"
    with_errors = {row["metric"] for row in rows if row["error"] is not None}
    cells: dict[str, Callable[[Row], object]] = {
        "id": lambda row: row["id"],
        net: lambda row: row["nn" if net == "net" else net],
        "number": lambda row: _text(row["number"]),
        "state": lambda row: State(row["state"]).words,
        "validation": lambda row: _score(row, "validation_error", "validation", with_errors),
        "test": lambda row: _score(row, "error", "accuracy", with_errors),
        "epochs": _epochs,
        "seconds": lambda row: _digits(row["seconds"], 1),
        "started": lambda row: _moment(row["started"]),
    }
    if len({row["user"] for row in rows}) > 1:
        cells["user"] = lambda row: _text(row["user"])
    if any(row["tags"] for row in rows):
        cells["tags"] = lambda row: ",".join(row["tags"])
    table = {name: [str(cell(row)) for row in rows] for name, cell in cells.items()}
    shown = _fitting(table)
    lines = list(zip(*(table[name] for name in shown), strict=True))
    text = text_table(shown, lines)
    return headed(boards.pop(), text) if net == "net" else text


def plain_table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Return trials as a table with these columns.

    Args:
        rows: Trials, as `lemur_core.store.reading.trial_rows` returns them.
        names: Names of columns, hyperparameters and facts.
    """
    if not rows:
        return "no such trials"
    return text_table(names, [[_text(value_of(row, name)) for name in names] for row in rows])


def _fitting(table: dict[str, list[str]]) -> list[str]:
    """Return the columns that fit on the terminal."""
    shown = list(table)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for name in _OPTIONAL:
        widths = [max(map(len, [shown_name, *table[shown_name]])) for shown_name in shown]
        if sum(widths) + 2 * (len(widths) - 1) > columns and name in shown:
            shown.remove(name)
    return shown


def _epochs(row: Row) -> str:
    planned, origin = row["epochs"], origin_in(row["prm"])
    if origin is not None and row["trained"]:
        return f"{origin.epoch + 1}-{origin.epoch + row['trained']}/{planned}"
    return str(row["trained"]) if planned is None else f"{row['trained']}/{planned}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return prm_text(value)
    return "-" if value is None else str(value)


def _score(row: Row, error: str, score: str, with_errors: Collection[str]) -> str:
    """Return a trial's error, if its metric gives errors, or its score."""
    if row["metric"] not in with_errors:
        return _digits(row[score], 4)
    return "-" if row[error] is None else error_number(row[error])


def _digits(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _moment(started: str | None) -> str:
    """Return a time in the time zone of this computer, to the minute."""
    if not started:
        return "-"
    try:
        moment = datetime.fromisoformat(started).astimezone()
    except (ValueError, OverflowError):
        return started
    return f"{moment:%Y-%m-%d %H:%M}"
