"""The best of each pipeline by validation, as `lemur_core.store.reading.ranking` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, case, select

from lemur_core.errors import UnknownNameError
from lemur_core.store import schema
from lemur_core.store.patience import patiently
from lemur_core.store.reading.ranking import best_first, has_validation
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.store.writing.past_trials import read_prm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Standing:
    """A pipeline's best epoch by validation, of equals the one that trained longest.

    Attributes:
        pipeline: The pipeline's name.
        accuracy: Score on the test split, 0 to 1.
        validation: Score on the validation split, 0 to 1; the highest of the pipeline.
        trial: Number of the trial.
        epoch: Number of the epoch.
        duration_ns: Nanoseconds of training up to it.
        prm: The trial's hyperparameters.
    """

    pipeline: str
    accuracy: float
    validation: float
    trial: int
    epoch: int
    duration_ns: int
    prm: dict[str, Any]


def standings(
    engine: Engine, pipelines: Iterable[str], only: ColumnElement[bool] | None = None
) -> list[Standing]:
    """Return the best of each of these pipelines that has results, highest validation first.

    Args:
        engine: The database.
        pipelines: Names of the pipelines.
        only: A condition on their trials; None takes all.
    """
    trial, stat = schema.trial.c, schema.stat.c
    query = (
        select(
            trial.task, trial.dataset, trial.metric, trial.nn, trial.number, trial.prm,
            stat.accuracy, stat.validation, stat.epoch, stat.duration,
        )
        .join_from(schema.stat, schema.trial)
        .order_by(*best_first())
    )  # fmt: skip
    asked = set(pipelines)
    # What was taken in from elsewhere was chosen by nobody's validation.
    query = query.where(has_validation == 1, *_among(asked))
    if only is not None:
        query = query.where(only)
    return patiently(engine, lambda connection: _best(connection, query, asked))


def best_trial(
    connection: Connection, pipeline: str, only: Sequence[ColumnElement[bool]] = ()
) -> str:
    """Return the unique id of the trial that has a pipeline's best epoch by validation.

    One that was recorded from elsewhere, whose net lemur cannot train, comes after all others.

    Args:
        connection: To the database.
        pipeline: Name of the pipeline.
        only: Conditions on its trials.

    Raises:
        UnknownNameError: The pipeline has no such results.
    """
    trial = schema.trial.c
    parts = [trial.task, trial.dataset, trial.metric, trial.nn]
    query = (
        select(trial.uid)
        .join_from(schema.stat, schema.trial)
        .where(has_validation == 1, *only)
        .where(*(part == text for part, text in zip(parts, pipeline.split("_"), strict=False)))
        .order_by(case((trial.recipe == ELSEWHERE, 1), else_=0), *best_first())
        .limit(1)
    )
    uid = connection.scalar(query) if pipeline.count("_") == len(parts) - 1 else None
    if uid is None:
        known = connection.execute(select(*parts).distinct())
        raise UnknownNameError("pipeline", pipeline, map("_".join, known))
    return str(uid)


def _among(pipelines: set[str]) -> list[Any]:
    """Return conditions that an index answers, and that these pipelines fulfil among others."""
    parts = [name.split("_") for name in pipelines]
    columns = (schema.trial.c.dataset, schema.trial.c.nn)
    return [
        column.in_(sorted({part[place] for part in parts}))
        for column, place in zip(columns, (1, 3), strict=True)
    ]


def _best(connection: Connection, query: Select[Any], asked: set[str]) -> list[Standing]:
    best: dict[str, Standing] = {}
    for row in connection.execute(query):
        name = f"{row.task}_{row.dataset}_{row.metric}_{row.nn}"
        if name in asked and name not in best:
            best[name] = Standing(
                name, row.accuracy, row.validation, row.number, row.epoch, row.duration,
                read_prm(connection, row.prm),
            )  # fmt: skip
    return list(best.values())
