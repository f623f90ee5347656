"""Mean and deviation of the scores of trials that differ only in their seeds."""

from __future__ import annotations

from itertools import chain
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.reading.highest import By, highest
from lemur_core.store.reading.metric_errors import read_errors
from lemur_core.store.statements import where_in
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pandas import Series

    from lemur_core.error_metric import Errors
    from lemur_core.store.reading.filters import Filters

SEEDS = ("seeds", "accuracy_mean", "accuracy_std", "validation_mean", "validation_std")
"""Columns that `seed_columns` returns."""
ERROR_SEEDS = (
    "error_mean", "error_std", "validation_error_mean", "validation_error_std",
)  # fmt: skip
"""Columns that `seed_columns` also returns, with the errors if the metric gives errors."""
_trial, _stat = schema.trial.c, schema.stat.c
# Trials that agree in all of these have equal settings.
_SETTINGS = (
    _trial.task, _trial.dataset, _trial.metric, _trial.nn, _trial.dataset_id, _trial.nn_id,
    _trial.metric_id, _trial.transform_id, _trial.prm, _trial.epochs, _trial.recipe,
)  # fmt: skip
_METRIC, _PRM = ([column.name for column in _SETTINGS].index(name) for name in ("metric", "prm"))


class _Settings(NamedTuple):
    """A trial's settings without its seed, its seed, and whether it was trained to its end."""

    key: tuple[Any, ...]
    seed: int | None
    is_finished: bool


class SeedScores(NamedTuple):
    """Scores and errors of equal settings, averaged over their seeds; None if unknown.

    The attributes are the columns in `SEEDS` and `ERROR_SEEDS`.
    """

    seeds: int | None = None
    accuracy_mean: float | None = None
    accuracy_std: float | None = None
    validation_mean: float | None = None
    validation_std: float | None = None
    error_mean: float | None = None
    error_std: float | None = None
    validation_error_mean: float | None = None
    validation_error_std: float | None = None


class _Scores(NamedTuple):
    accuracy: float
    validation: float | None
    error: float | None
    validation_error: float | None


def seed_columns(
    connection: Connection, filters: Filters, trials: Series, by: By
) -> dict[str, Series]:
    """Return the mean and standard deviation over the seeds of each row's settings.

    Each seed counts with the best epoch of its trial. Trials have equal settings if they agree in
    the pipeline, the content of the dataset, the code, the hyperparameters and the number of
    epochs. Only trials that were trained to their last epoch are averaged; a row of any other trial
    counts alone.

    Args:
        connection: Connection to the database.
        filters: Conditions that epochs must meet.
        trials: Trial id of each row.
        by: Score that ranks the epochs of a trial.

    Returns:
        The columns in `SEEDS`: the number of seeds, missing if the trial's seed is unknown; means,
        0 to 1; and sample standard deviations, NaN for a single seed. A mean or deviation of
        validation scores is NaN if one of them is missing. And the columns in `ERROR_SEEDS`, NaN
        if the metric of the row gives scores.
    """
    import pandas as pd

    rows = [tuple(scores) for scores in seed_scores(connection, filters, trials.tolist(), by)]
    return {
        name: pd.Series([row[index] for row in rows], dtype="float64" if index else "Int64")
        for index, name in enumerate((*SEEDS, *ERROR_SEEDS))
    }


def seed_scores(
    connection: Connection, filters: Filters, trials: Sequence[int], by: By
) -> list[SeedScores]:
    """Return the mean and standard deviation over the seeds of the settings of each trial.

    The arguments and the scores are those of `seed_columns`.
    """
    settings = _read(connection, trials)
    finished = _seeds(connection, {setting.key for setting in settings.values()})
    groups = []
    for trial in trials:
        key, seed, is_finished = settings[trial]
        # If two trials have the same seed, the row's own counts.
        others = finished[key] if is_finished else {}
        groups.append(list(({**others, seed: trial} if seed is not None else {}).values()))
    # The trials of a group have the metric of the trial itself.
    metrics = {
        member: settings[trial].key[_METRIC]
        for trial, group in zip(trials, groups, strict=True)
        for member in group
    }
    scores = _best_scores(connection, filters, metrics, by)
    return [_summary([scores[trial] for trial in group if trial in scores]) for group in groups]


def _read(connection: Connection, trials: Sequence[int]) -> dict[int, _Settings]:
    query = select(_trial.id, _trial.seed, _trial.state, *_SETTINGS)
    return {
        row[0]: _Settings(tuple(row[3:]), row[1], row[2] == State.FINISHED)
        for part in where_in(query, _trial.id, trials)
        for row in connection.execute(part)
    }


def _seeds(
    connection: Connection, keys: set[tuple[Any, ...]]
) -> dict[tuple[Any, ...], dict[int, int]]:
    """Return the finished trials of each of these settings, by seed; the first one of each seed."""
    prms = sorted({key[_PRM] for key in keys})
    query = (
        select(_trial.id, _trial.seed, *_SETTINGS)
        .where(_trial.seed.is_not(None), _trial.state == State.FINISHED)
        .order_by(_trial.id)
    )
    seeds: dict[tuple[Any, ...], dict[int, int]] = {key: {} for key in keys}
    for part in where_in(query, _trial.prm, prms):
        for trial, seed, *key in connection.execute(part):
            if tuple(key) in seeds:
                seeds[tuple(key)].setdefault(seed, trial)
    return seeds


def _best_scores(
    connection: Connection, filters: Filters, metrics: Mapping[int, str], by: By
) -> dict[int, _Scores]:
    """Return the scores of the best epoch of each trial among the epochs that match the filters.

    Args:
        connection: Connection to the database.
        filters: Conditions that epochs must meet.
        metrics: Name of the metric by trial id.
        by: Score that ranks the epochs of a trial.
    """
    columns = (_stat.trial_id, _stat.epoch, _stat.accuracy, _stat.validation)
    query = filters.apply(select(*columns))
    names = [column.name for column in columns]
    rows = [
        row
        for part in where_in(query, _stat.trial_id, sorted(metrics))
        for row in highest(connection, part, names, ["trial"], by)
    ]
    errors = read_errors(connection, {(trial, epoch): metrics[trial] for trial, epoch, *_ in rows})
    return {
        trial: _Scores(accuracy, validation, *_errors(errors.get((trial, epoch))))
        for trial, epoch, accuracy, validation in rows
    }


def _errors(errors: Errors | None) -> tuple[float | None, float | None]:
    return (None, None) if errors is None else (errors.test, errors.validation)


def _summary(scores: Sequence[_Scores]) -> SeedScores:
    if not scores:
        return SeedScores()
    return SeedScores(len(scores), *chain(*map(_mean, zip(*scores, strict=True))))


def _mean(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Return the mean and the deviation of values; None if one of them is missing."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None, None
    return fmean(known), stdev(known) if len(known) > 1 else None
