"""The rows of tables 2 and 3."""

from __future__ import annotations

from functools import partial
from math import isfinite, nan
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import LemurError, MissingDataError
from lemur_zoo.analysis.diversity import THRESHOLD
from lemur_zoo.paper.own_zoos import dispute_of
from lemur_zoo.paper.published import TABLE_2, TABLE_3, Cell, S, W

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lemur_analysis.papers.paper import Claim
    from lemur_zoo.paper.own_zoos import OwnZoos
    from lemur_zoo.paper.published import Printed
    from lemur_zoo.report.numbers import ZooReport

POINTS = 2.0
"""Largest accepted difference of values in percent."""
OTHER_MEMBERS = "the members are others"
ALWAYS = (*TABLE_2, "test accuracy")
"""Measures of a zoo that are listed also if they cannot be computed."""


class ZooRow(NamedTuple):
    """The values of a zoo.

    Attributes:
        values: Mean and standard deviation by cell of table 2 or 3, in percent; the deviation is
            NaN in table 3.
        missing: Why other cells of table 2 and of table 3 could not be computed.
        sample: A remark on the samples of table 3.
    """

    values: Mapping[Cell, tuple[float, float]]
    missing: Mapping[int, str]
    sample: str = ""


def row_claims(
    name: str, zoos: OwnZoos, printed: Mapping[Cell, Printed], row: Callable[[], ZooRow]
) -> Iterator[Claim]:
    """Yield the cells of a zoo that are published, and those of a zoo that is there."""
    from lemur_analysis.papers.paper import Claim

    dispute = dispute_of(name, zoos)
    own = _row_if_possible(row)
    for cell in _cells(name):
        theirs, ours = printed.get(cell), own.values.get(cell, (nan, nan))
        is_shown = name in zoos.names and (cell in own.values or cell.measure in ALWAYS)
        remark = own.sample if cell.table == 3 else ""
        for part, ending in enumerate(("", ", std")):
            value = theirs and (theirs.mean, theirs.std)[part]
            if value is None and not (is_shown and (part == 0 or isfinite(ours[part]))):
                continue
            yield Claim(
                f"{_text(cell)}{ending}", f"table {cell.table}", value,
                partial(value_of, row, cell, part), POINTS, f"{OTHER_MEMBERS}{remark}",
                dispute and f"{dispute}{remark}",
            )  # fmt: skip


def _row_if_possible(row: Callable[[], ZooRow]) -> ZooRow:
    # What is missing is said when a claim is checked.
    try:
        return row()
    except MissingDataError:
        return ZooRow({}, {})


def _cells(name: str) -> Iterator[Cell]:
    yield from (Cell(2, name, measure) for measure in TABLE_2)
    yield from (Cell(3, name, target, source) for target in TABLE_3 for source in (W, S))


def _text(cell: Cell) -> str:
    return f"{cell.zoo}: {cell.measure}{f' from {cell.predictor}' if cell.predictor else ''}"


def value_of(row: Callable[[], ZooRow], cell: Cell, part: int) -> float:
    """Return the mean of a cell, or its standard deviation, in percent.

    Args:
        row: Returns the row of the cell's zoo.
        cell: The cell.
        part: 0 for the mean, 1 for the standard deviation.

    Raises:
        MissingDataError: It cannot be computed.
    """
    values, missing, _ = row()
    if cell in values and isfinite(values[cell][part]):
        return values[cell][part]
    raise MissingDataError(
        missing.get(cell.table)
        or f"{cell.zoo}: its members give no {cell.measure}; they may all be the same"
    )


def row_of(zoos: OwnZoos, datasets: Path, name: str) -> ZooRow:
    """Return the values of a zoo.

    Raises:
        MissingDataError: There is no such zoo, or it is too small.
    """
    from lemur_core.commands import show_progress
    from lemur_zoo.report.numbers import report_on

    zoo = zoos.zoo(name)

    def show(line: str) -> None:
        show_progress(f"{name}: {line}")

    try:
        numbers = report_on(zoo, datasets, THRESHOLD, show)
    except LemurError as error:
        raise MissingDataError(str(error)) from error
    finally:
        show_progress("")
    notes = {2: "agreement and CKA", 3: "property prediction"}
    missing = {
        table: note
        for table, beginning in notes.items()
        for note in numbers.notes
        if note.startswith(beginning)
    }
    epochs = ", ".join(map(str, numbers.sample.epochs)) if numbers.sample else ""
    sample = f"; samples are members after the epochs {epochs}" if epochs else ""
    return ZooRow(dict(_values(name, numbers)), missing, sample)


def _values(name: str, numbers: ZooReport) -> Iterator[tuple[Cell, tuple[float, float]]]:
    for measure, percent in numbers.differences:
        yield Cell(2, name, measure), (percent.mean, percent.std)
    weights = numbers.weights
    yield Cell(2, name, "weights"), (100 * weights.mean, 100 * weights.std)
    for predicted in numbers.predicted:
        for source, value in ((W, predicted.weights), (S, predicted.statistics)):
            yield Cell(3, name, predicted.target, source), (100 * value, nan)
