"""Errors of epochs whose metric has better low values, see `lemur_core.error_metric`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from lemur_core.error_metric import Errors, error_facts
from lemur_core.store import schema
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pandas import Series

ERRORS = ("error", "validation_error")
"""Columns of results with the errors on the test and the validation split."""


def read_errors(
    connection: Connection, epochs: Mapping[tuple[int, int], str]
) -> dict[tuple[int, int], Errors]:
    """Return the errors of epochs that have them.

    Args:
        connection: Connection to the database.
        epochs: Name of the metric by trial id and number of the epoch.
    """
    names = _recorded(connection, set(epochs.values()))
    if not names:
        return {}
    fact = schema.fact.c
    query = select(fact.trial_id, fact.epoch, fact.name, fact.value).where(fact.name.in_(names))
    facts: dict[tuple[int, int], dict[str, Any]] = {}
    for part in where_in(query, fact.trial_id, sorted({trial for trial, _ in epochs})):
        for trial, epoch, name, value in connection.execute(part):
            facts.setdefault((trial, epoch), {})[name] = value
    errors = {key: Errors.among(facts.get(key, {}), metric) for key, metric in epochs.items()}
    return {key: error for key, error in errors.items() if error is not None}


def error_columns(
    connection: Connection, trials: Sequence[int], epochs: Sequence[int], metrics: Sequence[str]
) -> dict[str, Series]:
    """Return the columns in `ERRORS`; an error is NaN if the metric gives scores.

    Args:
        connection: Connection to the database.
        trials: Trial id of each row.
        epochs: Number of the epoch of each row.
        metrics: Name of the metric of each row.
    """
    import pandas as pd

    keys = list(zip(trials, epochs, strict=True))
    errors = read_errors(connection, dict(zip(keys, metrics, strict=True)))
    rows = [errors.get(key) for key in keys]
    columns = ([row and row.test for row in rows], [row and row.validation for row in rows])
    return {
        name: pd.Series(column, dtype="float64")
        for name, column in zip(ERRORS, columns, strict=True)
    }


def _recorded(connection: Connection, metrics: Iterable[str]) -> list[str]:
    """Return the names of the facts with errors by these metrics that any trial has."""
    name = schema.fact.c.name
    names = [fact for metric in sorted(metrics) for fact in error_facts(metric)]
    return list(connection.scalars(select(name).where(name.in_(names)).distinct()))
