"""What each estimator made of each trial: the rows that the tables of a replay sum up."""

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
    trials: Sequence[RecordedCurves], verdicts: Mapping[str, Sequence[ReplayResult]]
) -> list[dict[str, Any]]:
    """Return a row for each order, trial and estimator, trials as they follow in their study.

    Args:
        trials: Those that were replayed.
        verdicts: Of each estimator.

    Returns:
        Rows of ``order`` (from 1), ``study``, ``position`` (of the trial in this order, from 1),
        ``trial``, ``estimator``, ``epoch`` (at which the trial stopped), ``epochs`` (for how many
        it was trained in truth), ``predicted`` and ``final`` (the score that was taken for its
        final one, and what came, 0 to 1), ``lower`` and ``upper`` (of the interval, None where
        there is none), ``seconds`` and ``decisions`` (how long these took, and how many they were).
        All numbers are exact.
    """
    studies = sorted({trial.study for trial in trials})
    places = {id(trial): number for number, trial in enumerate(trials)}
    found = [
        ((one.order, studies.index(one.trial.study), places[id(one.trial)]), name, one)
        for name, ones in verdicts.items()
        for one in ones
    ]
    # The sort is stable, so that estimators keep their order.
    return [_row(name, one) for _, name, one in sorted(found, key=lambda each: each[0])]


def write_trials(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Write rows of trials as CSV.

    Raises:
        WriteError: The file cannot be written.
    """
    with replacement(file) as path, path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def trial_tables(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of trials for each study and order, to be read by people."""
    orders = max((row["order"] for row in rows), default=1)
    return "\n\n".join(
        headed(f"{study}, order {order} of {orders}" if orders > 1 else study, _table(list(ones)))
        for (order, study), ones in groupby(rows, lambda row: (row["order"], row["study"]))
    )


def _row(name: str, verdict: ReplayResult) -> dict[str, Any]:
    trial = verdict.trial
    values = (
        verdict.order + 1, trial.study, verdict.position, trial.name, name, verdict.epochs,
        trial.horizon, verdict.predicted, trial.curve.final, verdict.lower, verdict.upper,
        verdict.seconds, verdict.decisions,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(row["estimator"] for row in rows))
    pairs = [f"{name}: {what}" for name in names for what in ("epoch", "predicted")]
    cells = [list(_cells(list(ones))) for _, ones in groupby(rows, lambda row: row["position"])]
    return text_table(["trial", *pairs, "epochs", "final"], cells)


def _cells(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the cells of a trial, which has one row for each estimator."""
    yield rows[0]["trial"]
    for row in rows:
        yield from (f"{row['epoch']:g}", f"{row['predicted']:.4f}")
    yield from (f"{rows[0]['epochs']:g}", f"{rows[0]['final']:.4f}")
