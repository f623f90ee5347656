"""List the result of each estimator for each trial of a replay."""

from __future__ import annotations

import csv
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lemur_core.commands import headed, text_table
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lemur_estimators.replay.judge import ReplayResult
    from lemur_estimators.replay.recorded import RecordedCurves

COLUMNS = (
    "order", "study", "position", "trial", "estimator", "epoch", "epochs", "predicted", "final",
    "lower", "upper", "seconds", "decisions",
)  # fmt: skip


def trial_rows(
    trials: Sequence[RecordedCurves], results: Mapping[str, Sequence[ReplayResult]]
) -> list[dict[str, Any]]:
    """Return a row for each order, trial and estimator.

    Args:
        trials: The replayed trials.
        results: The results of each estimator, by name.

    Returns:
        Rows with the columns ``order`` (from 1), ``study``, ``position`` (of the trial in this
        order, from 1), ``trial``, ``estimator``, ``epoch`` (at which the estimator stopped the
        trial), ``epochs`` (that the trial was trained for), ``predicted`` and ``final`` (the
        predicted and the true final score, 0 to 1), ``lower`` and ``upper`` (bounds of the
        interval, None if there is none), ``seconds`` (processor time of the decisions) and
        ``decisions`` (their number). All numbers are exact. Rows are sorted by order and study;
        the trials of a study have the order of ``trials``.
    """
    studies = sorted({trial.study for trial in trials})
    numbers = {id(trial): number for number, trial in enumerate(trials)}
    pairs = [(name, result) for name, of_estimator in results.items() for result in of_estimator]

    def key(pair: tuple[str, ReplayResult]) -> tuple[int, int, int]:
        result = pair[1]
        return result.order, studies.index(result.trial.study), numbers[id(result.trial)]

    # The sort is stable, so estimators keep their order.
    return [_row(name, result) for name, result in sorted(pairs, key=key)]


def write_trials(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write rows of trials to a CSV file.

    Raises:
        WriteError: The file cannot be written.
    """
    with replacement(file) as path, path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def trial_tables(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of trials, as text, for each study and order."""
    orders = max((row["order"] for row in rows), default=1)
    return "\n\n".join(
        headed(f"{study}, order {order} of {orders}" if orders > 1 else study, _table(list(group)))
        for (order, study), group in groupby(rows, lambda row: (row["order"], row["study"]))
    )


def _row(name: str, result: ReplayResult) -> dict[str, Any]:
    trial = result.trial
    values = (
        result.order + 1, trial.study, result.position, trial.name, name, result.epochs,
        trial.horizon, result.predicted, trial.curve.final, result.lower, result.upper,
        result.seconds, result.decisions,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(row["estimator"] for row in rows))
    pairs = [f"{name}: {value}" for name in names for value in ("epoch", "predicted")]
    cells = [list(_cells(list(group))) for _, group in groupby(rows, lambda row: row["position"])]
    return text_table(["trial", *pairs, "epochs", "final"], cells)


def _cells(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the cells of a trial, which has one row for each estimator."""
    yield rows[0]["trial"]
    for row in rows:
        yield from (f"{row['epoch']:g}", f"{row['predicted']:.4f}")
    yield from (f"{rows[0]['epochs']:g}", f"{rows[0]['final']:.4f}")
