"""The summary of a campaign."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html import escape as escape_html
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.escapes import escape
from lemur_core.trial import State

if TYPE_CHECKING:
    from pandas import DataFrame

    from lemur_core.search.forecast import EstimatorAudit
    from lemur_core.store.reading.standings import Standing

_COLUMNS = [
    "task", "dataset", "metric", "nn", "accuracy", "validation", "trial", "epoch", "duration",
    "prm", "uid", "state", "seeds", "accuracy_mean", "accuracy_std",
]  # fmt: skip
_ERRORS = ("error", "validation_error")
# Digits of a trial's id that are printed.
_SHORT = 8


class Left(NamedTuple):
    """What is left to train because the time of the campaign was over.

    Attributes:
        trials: Number of trials that the pipelines which were begun still lack.
        pipelines: Number of these pipelines.
        not_begun: Number of pipelines that were not begun.
    """

    trials: int
    pipelines: int
    not_begun: int


@dataclass(repr=False)
class Summary:
    """The result of a campaign; it prints as a table, also in a notebook.

    Attributes:
        standings: The best epoch of each pipeline by validation among all trials in the database,
            highest validation score first.
        states: Number of this campaign's trials that ended in each state.
        reasons: Number of this campaign's trials that failed for each reason.
        left_out: What is missing and why, one line each: pipelines that were left out or given up,
            studies whose sampler has nothing left to propose, records that could not be written.
        audit: Savings and errors of the campaign's estimator; None without an estimator.
        db: Path or URL of the database of results.
        interrupted: Whether the campaign was interrupted.
        left: What is left to train because the time of the campaign was over; None if nothing is.
        unwritten: Number of records that could not be written to the database and are kept in a
            file for later.
    """

    standings: list[Standing] = field(default_factory=list)
    states: Counter[State] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    audit: EstimatorAudit | None = None
    db: str = ""
    interrupted: bool = False
    left: Left | None = None
    unwritten: int = 0

    def frame(self) -> DataFrame:
        """Return the standings as a frame, one row per pipeline, the best first.

        The columns are ``task``, ``dataset``, ``metric``, ``nn``, ``accuracy``, ``validation``,
        ``trial`` (number in its study), ``epoch``, ``duration`` (nanoseconds), ``prm`` (the
        hyperparameters by name), ``uid`` and ``state`` of the trial, and ``seeds``,
        ``accuracy_mean`` and ``accuracy_std`` as in `lemur_core.best`. If lower values of a metric
        are better, also ``error`` and ``validation_error``.
        """
        from pandas import DataFrame, Series

        rows = [
            [
                *standing.pipeline.split("_"),
                standing.accuracy,
                standing.validation,
                standing.trial,
                standing.epoch,
                standing.duration_ns,
                standing.prm,
                standing.uid,
                str(standing.state),
                standing.seeds,
                standing.accuracy_mean,
                standing.accuracy_std,
            ]
            for standing in self.standings
        ]
        # As in the frame of `lemur_core.best`, also where all are missing.
        types = {"seeds": "Int64", "accuracy_mean": "float64", "accuracy_std": "float64"}
        frame = DataFrame(rows, columns=_COLUMNS).astype(types)
        if any(standing.error is not None for standing in self.standings):
            for name in _ERRORS:
                values = [getattr(standing, name) for standing in self.standings]
                frame[name] = Series(values, dtype="float64")
        return frame

    def __str__(self) -> str:
        if not self.standings:
            return f"no results; {self._counts()}"
        table = self._table().to_string(index=False, float_format="%.4f")
        return escape(f"{table}\n{self._counts()}, in {self.db}")

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """Return the table as HTML, which notebooks show."""
        if not self.standings:
            return f"<p>{escape_html(str(self))}</p>"
        table = self._table().to_html(index=False, float_format="%.4f")
        return escape(f"{table}\n<p>{escape_html(self._counts())}, in {escape_html(self.db)}</p>")

    def _table(self) -> DataFrame:
        frame = self.frame()
        errors = [name for name in _ERRORS if name in frame]
        frame = frame[["accuracy", "validation", *errors, "uid", "trial", "epoch"]]
        frame.insert(0, "pipeline", [standing.pipeline for standing in self.standings])
        frame["uid"] = frame["uid"].str[:_SHORT]
        return frame.rename(columns={"uid": "id"})

    def _counts(self) -> str:
        counts = [f"{self.states[state]} {state.words}" for state in State if self.states[state]]
        return f"trials: {', '.join(counts) or 'none to train'}"

    @property
    def exit_status(self) -> int:
        """0 if all trials were done and recorded, 1 if some were not, 130 if interrupted.

        Trials for which there was no time do not count.
        """
        if self.interrupted:
            return 130
        return int(bool(self.states[State.FAILED] or self.unwritten))
