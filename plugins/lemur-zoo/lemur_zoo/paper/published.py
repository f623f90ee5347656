"""The published values of tables 2 and 3.

``published.csv`` has few of them. A file of the same columns, ``model-zoos.csv`` in the folder
``--data``, adds others:

- ``table``: 2 or 3.
- ``zoo``: name of the zoo, as ``lemur zoo list`` has it.
- ``measure``: a measure of table 2, such as ``agreement``, or a property of table 3.
- ``predictor``: ``w`` or ``s(w)`` in table 3, empty in table 2.
- ``mean``, ``std``: in percent; ``std`` may be empty.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import SettingsError, hint
from lemur_zoo.spec.published import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OURS = ("eurosat-", "digits-")
"""Beginnings of the names of zoos that are not the paper's."""
PAPER = {name: spec for name, spec in PUBLISHED.items() if not name.startswith(OURS)}
"""The specifications of the paper's zoos by name."""
BUILT_IN = Path(__file__).with_name("published.csv")
USERS = "model-zoos.csv"
"""Name of the file with further values in the folder ``--data``."""
COLUMNS = ("table", "zoo", "measure", "predictor", "mean", "std")
W, S = "w", "s(w)"
TABLE_2 = (
    "agreement",
    "l2 distance",
    "cosine distance",
    "CKA, intermediate layer",
    "CKA, last layer",
    "weights",
)
"""Measures of table 2, with the names of `lemur_zoo.report.numbers`."""
TABLE_3 = (
    "test accuracy",
    "generalisation gap",
    "epoch",
    "init",
    "activation",
    "lr",
    "dropout",
    "optimizer",
    "weight_decay",
)
"""Properties of table 3, with the names of `lemur_zoo.analysis.prediction`."""


class Cell(NamedTuple):
    """A cell of table 2 or 3.

    Attributes:
        table: 2 or 3.
        zoo: Name of the zoo.
        measure: The measure or property.
        predictor: ``w`` or ``s(w)``; empty in table 2.
    """

    table: int
    zoo: str
    measure: str
    predictor: str = ""


class Printed(NamedTuple):
    """The published value of a cell.

    Attributes:
        mean: The mean, in percent.
        std: The standard deviation, in percent; None if it is not known.
        digits: Number of decimals with which the mean is printed.
    """

    mean: float
    std: float | None
    digits: int


def published_values(folder: Path | None) -> Mapping[Cell, Printed]:
    """Return the published values, with those of a file of the user.

    Args:
        folder: Folder that may have a file `USERS`, or None.

    Raises:
        SettingsError: The file cannot be read, or has a value that is none of the tables'.
    """
    values = dict(_read(BUILT_IN))
    if folder is not None and (folder / USERS).is_file():
        values |= dict(_read(folder / USERS))
    return values


def _read(path: Path) -> Iterator[tuple[Cell, Printed]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if tuple(table.fieldnames or ()) != COLUMNS:
                raise SettingsError(f"{path}: expected the columns {', '.join(COLUMNS)}")
            for row in table:
                yield _value(row, f"{path}:{table.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None


def _value(row: Mapping[str, str], place: str) -> tuple[Cell, Printed]:
    if None in row.values() or None in row:
        raise SettingsError(f"{place}: expected {len(COLUMNS)} values, {', '.join(COLUMNS)}")
    if row["zoo"] not in PUBLISHED:
        raise SettingsError(f"{place}: unknown zoo {row['zoo']!r}{hint(row['zoo'], [*PUBLISHED])}")
    kinds = {"2": (TABLE_2, ("",)), "3": (TABLE_3, (W, S))}
    if row["table"] not in kinds:
        raise SettingsError(f"{place}: table is {row['table']!r}; expected 2 or 3")
    measures, predictors = kinds[row["table"]]
    for name, known in (("measure", measures), ("predictor", predictors)):
        if row[name] not in known:
            raise SettingsError(
                f"{place}: {name} is {row[name]!r}; expected {' or '.join(map(repr, known))}"
            )
    cell = Cell(int(row["table"]), row["zoo"], row["measure"], row["predictor"])
    mean = _number(row["mean"], f"{place}: mean")
    if mean < 0 and cell.measure.endswith("distance"):
        raise SettingsError(f"{place}: mean is {row['mean']!r}; expected a distance from 0")
    std = _number(row["std"], f"{place}: std") if row["std"] else None
    return cell, Printed(mean, std, len(row["mean"].partition(".")[2]))


def _number(text: str | None, place: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError(f"{place} is {text!r}; expected a number")
    return value
