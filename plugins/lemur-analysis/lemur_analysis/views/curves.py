"""Learning curves of trials, in charts of comparable values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_analysis.frame import CELL, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame

LABELS = {
    "validation": "validation score",
    "accuracy": "test score",
    "loss": "training loss",
    "validation_loss": "validation loss",
    "error": "test error",
    "validation_error": "validation error",
}
"""What to call columns that have another name for people."""
ALIASES = {"test": "accuracy"}
LOSSES = ("loss", "validation_loss")
"""Columns of losses."""
LOWER_IS_BETTER = (*LOSSES, "error", "validation_error")
"""Columns of which lower values are better."""
_SCORES = ("validation", "accuracy")
_SHORT = 8


@dataclass(frozen=True)
class TrialCurve:
    """The values of a trial by epoch.

    Attributes:
        name: What to call it: the trial's short id and net, or the column if the trial is alone.
        epochs: Numbers of the epochs, from 1.
        values: The values; NaN where there is none.
    """

    name: str
    epochs: list[int]
    values: list[float]

    @property
    def present(self) -> list[tuple[int, float]]:
        """Pairs of epoch and value, without missing values."""
        return [
            (at, value)
            for at, value in zip(self.epochs, self.values, strict=True)
            if value == value
        ]


@dataclass(frozen=True)
class CurveChart:
    """Curves that are drawn in one chart.

    Attributes:
        title: The trials' task, dataset and metric, or the trial and its pipeline if it is alone.
        label: What the values are.
        curves: The curves of the best trials first.
        of: What a curve is of, a singular noun.
    """

    title: str
    label: str
    curves: list[TrialCurve]
    of: str = "trial"

    @property
    def is_empty(self) -> bool:
        """Whether no curve has a value."""
        return not any(curve.present for curve in self.curves)


def columns_of(wanted: Sequence[str]) -> list[str]:
    """Return the columns to read for charts of these columns; without any, of scores and losses."""
    return list(dict.fromkeys(["trial", *CELL, "nn", "epoch", *_SCORES, *(wanted or LOSSES)]))


def curve_charts(frame: DataFrame, wanted: Sequence[str]) -> Iterator[CurveChart]:
    """Yield the charts of trials: for each task, dataset and metric, one for each column.

    Args:
        frame: Epochs of trials, with the columns of `columns_of`, at least one.
        wanted: The columns to draw. Without any, the validation and test scores, and the training
            and validation losses if they were recorded; of a single trial, two in a chart.

    Raises:
        SettingsError: A column contains values that are not numbers.
    """
    for cell, part in frame.groupby(list(CELL), sort=False, observed=True):
        ranked, rows_of = _best_first(part), dict(tuple(part.groupby("trial", sort=False)))
        trials = [(trial, rows_of[trial].sort_values("epoch")) for trial in ranked]
        if len(trials) == 1:
            yield from _of_one(*trials[0], wanted)
            continue
        digits = _digits(ranked)
        for column in wanted or (*_SCORES, *LOSSES):
            names = [f"{trial[:digits]} {rows['nn'].iloc[0]}" for trial, rows in trials]
            curves = [
                _curve(name, rows, column) for name, (_, rows) in zip(names, trials, strict=True)
            ]
            chart = CurveChart("_".join(cell), LABELS.get(column, column), curves)
            if wanted or not chart.is_empty:
                yield chart


def _of_one(trial: str, rows: DataFrame, wanted: Sequence[str]) -> Iterator[CurveChart]:
    first = rows.iloc[0]
    title = f"{trial[:_SHORT]} {'_'.join(first[name] for name in (*CELL, 'nn'))}"
    if not wanted:
        scores, losses = _of_splits(rows, _SCORES), _of_splits(rows, LOSSES)
        yield CurveChart(
            title, "score", scores or [_curve("validation", rows, "validation")], "split"
        )
        if losses:
            yield CurveChart(title, "loss", losses, "split")
    for column in wanted:
        label = LABELS.get(column, column)
        yield CurveChart(title, label, [_curve(label, rows, column)], "column")


def _of_splits(rows: DataFrame, columns: Sequence[str]) -> list[TrialCurve]:
    curves = [_curve(LABELS[column].split()[0], rows, column) for column in columns]
    return [curve for curve in curves if curve.present]


def _curve(name: str, rows: DataFrame, column: str) -> TrialCurve:
    return TrialCurve(name, rows["epoch"].tolist(), numbers(rows, column).tolist())


def _digits(uids: Sequence[str]) -> int:
    """Return how many digits tell the ids apart, at least `_SHORT`."""
    lengths = range(_SHORT, max(map(len, uids)))
    return next((n for n in lengths if len({uid[:n] for uid in uids}) == len(uids)), lengths.stop)


def _best_first(frame: DataFrame) -> list[str]:
    """Return the trials by their highest validation score; those without one by their accuracy."""
    best = frame.groupby("trial", sort=False)[list(_SCORES)].max()
    order = best.sort_values(list(_SCORES), ascending=False, kind="stable", na_position="last")
    return [str(trial) for trial in order.index]
