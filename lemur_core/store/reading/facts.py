"""Facts as columns of results."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from lemur_core.errors import UnknownNameError
from lemur_core.fact import PREFIX, WHOLE_TRIAL
from lemur_core.store import schema
from lemur_core.store.reading.columns import plain_series
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pandas import Series


def column_of(fact: str, columns: Collection[str]) -> str:
    """Return the name of a fact's column: the fact's name, with a prefix if it is already taken.

    Args:
        fact: Name of the fact.
        columns: Names of the other columns of results.

    >>> column_of("edge.latency_ms", ["accuracy"]), column_of("accuracy", ["accuracy"])
    ('edge.latency_ms', 'fact.accuracy')
    """
    return f"{PREFIX}{fact}" if fact in columns else fact


def fact_names(connection: Connection) -> list[str]:
    """Return the names of all facts in a database, sorted."""
    name = schema.fact.c.name
    return sorted(connection.scalars(select(name).distinct()))


def check_facts_known(connection: Connection, names: Sequence[str]) -> None:
    """Raise `UnknownNameError` if no trial in the database has a fact of one of these names."""
    recorded_names = fact_names(connection) if names else []
    for name in names:
        if name not in recorded_names:
            raise UnknownNameError("fact", str(name), recorded_names, none="none is recorded")


def fact_series(
    connection: Connection, trials: Series, epochs: Series, names: Collection[str] | None
) -> dict[str, Series]:
    """Return the values of facts for each row, by fact name.

    A fact of a trial appears on each of the trial's rows, a fact of an epoch only on that epoch's
    row. Rows without the fact have None.

    Args:
        connection: Connection to the database.
        trials: Trial id of each row.
        epochs: Epoch of each row.
        names: Names of the facts; None for all facts that the trials have, sorted by name.
    """
    if names is not None and not names:
        return {}
    values_by_name = _values(connection, trials.unique().tolist(), names)
    rows = list(zip(trials.tolist(), epochs.tolist(), strict=True))
    return {
        name: plain_series([_value(values_by_name.get(name, {}), *row) for row in rows])
        for name in (sorted(values_by_name) if names is None else names)
    }


def _values(
    connection: Connection, trials: Sequence[int], names: Collection[str] | None
) -> dict[str, dict[tuple[int, int], Any]]:
    fact = schema.fact.c
    query = select(fact.name, fact.trial_id, fact.epoch, fact.value)
    if names is not None:
        query = query.where(fact.name.in_(list(names)))
    values_by_name: dict[str, dict[tuple[int, int], Any]] = {}
    for chunk in where_in(query, fact.trial_id, trials):
        for name, trial, epoch, value in connection.execute(chunk):
            values_by_name.setdefault(name, {})[trial, epoch] = value
    return values_by_name


def _value(values: dict[tuple[int, int], Any], trial: int, epoch: int) -> Any:
    if (trial, epoch) in values:
        return values[trial, epoch]
    value = values.get((trial, WHOLE_TRIAL))
    # Each row gets its own list: changing one must not change another.
    return deepcopy(value) if isinstance(value, dict | list) else value
