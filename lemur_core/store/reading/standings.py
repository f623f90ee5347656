"""The best epoch of each pipeline by validation, as `lemur_core.store.ranking` ranks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, case, select

from lemur_core.errors import SettingsError, UnknownNameError
from lemur_core.store import schema
from lemur_core.store.patience import patiently
from lemur_core.store.ranking import best_first, has_validation
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.metric_errors import read_errors
from lemur_core.store.reading.seeds import SeedScores, seed_scores
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.store.writing.past_trials import read_prm
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lemur_core.error_metric import Errors

_cannot_be_trained: ColumnElement[int] = case(
    (schema.trial.c.recipe == ELSEWHERE, 1), (schema.trial.c.state == State.IMPORTED, 1), else_=0
)


_FEW = 3
# What standings and `SeedScores` share.
_AVERAGES = ("seeds", "accuracy_mean", "accuracy_std", "error_mean", "error_std")


@dataclass(frozen=True)
class Standing:
    """A pipeline's best epoch by validation; in a tie, the later epoch.

    Attributes:
        pipeline: Name of the pipeline.
        accuracy: Score on the test split, 0 to 1.
        validation: Score on the validation split, 0 to 1; the pipeline's highest.
        trial: Number of the trial.
        epoch: Number of the epoch.
        duration_ns: Nanoseconds of training up to the end of the epoch.
        prm: Hyperparameters of the trial.
        uid: Unique id of the trial.
        state: State of the trial.
        seeds: Number of seeds with which these settings were trained to the end; None if unknown.
        accuracy_mean: Mean of the test scores over these seeds, each of the trial's best epoch.
        accuracy_std: Sample standard deviation of these scores; None for a single seed.
        error: Error on the test split, if the metric gives errors, of which lower ones are better;
            None if it gives scores.
        validation_error: Error on the validation split.
        error_mean: Mean of the errors on the test split over the seeds.
        error_std: Sample standard deviation of these errors; None for a single seed.
    """

    pipeline: str
    accuracy: float
    validation: float
    trial: int
    epoch: int
    duration_ns: int
    prm: dict[str, Any]
    uid: str
    state: State = State.FINISHED
    seeds: int | None = None
    accuracy_mean: float | None = None
    accuracy_std: float | None = None
    error: float | None = None
    validation_error: float | None = None
    error_mean: float | None = None
    error_std: float | None = None


def standings(
    engine: Engine, pipelines: Iterable[str], only: ColumnElement[bool] | None = None
) -> list[Standing]:
    """Return the best epoch of each pipeline that has results, highest validation score first.

    Args:
        engine: The database.
        pipelines: Names of the pipelines.
        only: Condition on the trials; None takes all trials.
    """
    trial, stat = schema.trial.c, schema.stat.c
    query = (
        select(
            trial.task, trial.dataset, trial.metric, trial.nn, trial.number, trial.prm, trial.uid,
            trial.id, trial.state, stat.accuracy, stat.validation, stat.epoch, stat.duration,
        )
        .join_from(schema.stat, schema.trial)
        .order_by(*best_first())
    )  # fmt: skip
    names = set(pipelines)
    # Imported results have no validation score to select by.
    query = query.where(has_validation == 1, *_among(names))
    if only is not None:
        query = query.where(only)
    return patiently(engine, lambda connection: _best(connection, query, names))


def best_trial(
    connection: Connection, pipeline: str, only: Sequence[ColumnElement[bool]] = ()
) -> str:
    """Return the unique id of the trial that has a pipeline's best epoch by validation.

    Trials that were imported or recorded from elsewhere, which lemur cannot train, rank after all
    others.

    Args:
        connection: Connection to the database.
        pipeline: Name of the pipeline.
        only: Conditions on its trials.

    Raises:
        UnknownNameError: The pipeline has no results that match.
    """
    trial = schema.trial.c
    parts = [trial.task, trial.dataset, trial.metric, trial.nn]
    query = (
        select(trial.uid)
        .join_from(schema.stat, schema.trial)
        .where(*only)
        .where(*(part == text for part, text in zip(parts, pipeline.split("_"), strict=False)))
        .order_by(_cannot_be_trained, *best_first())
        .limit(1)
    )
    uid = connection.scalar(query) if pipeline.count("_") == len(parts) - 1 else None
    if uid is None:
        recorded = connection.execute(select(*parts).distinct())
        raise UnknownNameError("pipeline", pipeline, map("_".join, recorded))
    return str(uid)


class BestEpoch(NamedTuple):
    """The best epoch of several trials.

    Attributes:
        uid: Unique id of its trial.
        pipeline: Name of the pipeline.
        epoch: Number of the epoch, from 1.
        validation: Score on the validation split, 0 to 1; None if unknown.
        accuracy: Score on the test split, 0 to 1.
        errors: Its errors, if the metric gives errors; None if it gives scores.
    """

    uid: str
    pipeline: str
    epoch: int
    validation: float | None
    accuracy: float
    errors: Errors | None = None


def best_epoch(connection: Connection, filters: Filters) -> BestEpoch:
    """Return the best epoch by validation of all that match filters.

    Trials that were imported or recorded from elsewhere, which lemur cannot train, rank after all
    others.

    Args:
        connection: Connection to the database.
        filters: Conditions that epochs must meet.

    Raises:
        SettingsError: No epoch matches, or those of several tasks, datasets or metrics do.
    """
    trial, stat = schema.trial.c, schema.stat.c
    parts = (trial.task, trial.dataset, trial.metric, trial.nn)
    query = select(trial.uid, stat.epoch, stat.validation, stat.accuracy, trial.id, *parts)
    query = filters.apply(query.join_from(schema.stat, schema.trial), joined=True)
    _check_comparable(connection, query.with_only_columns(_cannot_be_trained, *parts[:-1]))
    row = connection.execute(query.order_by(_cannot_be_trained, *best_first()).limit(1)).first()
    if row is None:
        matching = "no results match" if not filters.is_empty else "no results are recorded"
        raise SettingsError(f"there is no best trial: {matching}")
    key = (row.id, row.epoch)
    errors = read_errors(connection, {key: row.metric}).get(key)
    return BestEpoch(row.uid, "_".join(row[5:]), row.epoch, row.validation, row.accuracy, errors)


def _check_comparable(connection: Connection, query: Select[Any]) -> None:
    """Raise `SettingsError` if the epochs that are chosen from have scores of different kinds."""
    rows = connection.execute(query.distinct()).all()
    first = min((row[0] for row in rows), default=0)
    boards = sorted("_".join(row[1:]) for row in rows if row[0] == first)
    if len(boards) > 1:
        more = f" and {len(boards) - _FEW} more" if len(boards) > _FEW else ""
        raise SettingsError(
            f"there is a best trial of each of {', '.join(boards[:_FEW])}{more}, as their scores "
            "cannot be compared; choose with --task, --dataset and --metric"
        )


def _among(pipelines: set[str]) -> list[Any]:
    """Return conditions that an index can answer; they also match some other pipelines."""
    split_names = [name.split("_") for name in pipelines]
    columns = (schema.trial.c.dataset, schema.trial.c.nn)
    return [
        column.in_(sorted({parts_of_name[index] for parts_of_name in split_names}))
        for column, index in zip(columns, (1, 3), strict=True)
    ]


def _best(connection: Connection, query: Select[Any], names: set[str]) -> list[Standing]:
    best: dict[str, Standing] = {}
    keys: list[tuple[int, int]] = []
    for row in connection.execute(query):
        name = f"{row.task}_{row.dataset}_{row.metric}_{row.nn}"
        if name in names and name not in best:
            keys.append((row.id, row.epoch))
            best[name] = Standing(
                name, row.accuracy, row.validation, row.number, row.epoch, row.duration,
                read_prm(connection, row.prm), row.uid, State(row.state),
            )  # fmt: skip
    averages = seed_scores(connection, Filters(), [trial for trial, _ in keys], "validation")
    metrics = [name.split("_")[2] for name in best]
    errors = read_errors(connection, dict(zip(keys, metrics, strict=True)))
    return [
        _completed(standing, scores, errors.get(key))
        for standing, scores, key in zip(best.values(), averages, keys, strict=True)
    ]


def _completed(standing: Standing, scores: SeedScores, errors: Errors | None) -> Standing:
    values = {name: getattr(scores, name) for name in _AVERAGES}
    if errors is not None:
        values |= {"error": errors.test, "validation_error": errors.validation}
    return replace(standing, **values)
