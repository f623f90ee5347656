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
    """Return the column that shows a fact: its name, unless another column has it.

    Args:
        fact: The fact's name.
        columns: The columns that results have beside facts.

    >>> column_of("edge.latency_ms", ["accuracy"]), column_of("accuracy", ["accuracy"])
    ('edge.latency_ms', 'fact.accuracy')
    """
    return f"{PREFIX}{fact}" if fact in columns else fact


def fact_names(connection: Connection) -> list[str]:
    """Return the names of all facts of a database."""
    name = schema.fact.c.name
    return sorted(connection.scalars(select(name).distinct()))


def check_facts_known(connection: Connection, names: Sequence[str]) -> None:
    """Raise `UnknownNameError` for a fact that the database has of no trial."""
    known = fact_names(connection) if names else []
    for name in names:
        if name not in known:
            raise UnknownNameError("fact", str(name), known, none="none is recorded")


def fact_series(
    connection: Connection, trials: Series, epochs: Series, names: Collection[str] | None
) -> dict[str, Series]:
    """Return the values of facts, row by row, by the facts' names.

    A fact of the trial is on each of its rows, one of an epoch on that epoch's; None where there is
    none.

    Args:
        connection: To the database.
        trials: The id of each row's trial.
        epochs: Each row's epoch.
        names: The facts; None is for all that the trials have, in order.
    """
    if names is not None and not names:
        return {}
    found = _values(connection, trials.unique().tolist(), names)
    rows = list(zip(trials.tolist(), epochs.tolist(), strict=True))
    return {
        name: plain_series([_value(found.get(name, {}), *row) for row in rows])
        for name in (sorted(found) if names is None else names)
    }


def _values(
    connection: Connection, trials: Sequence[int], names: Collection[str] | None
) -> dict[str, dict[tuple[int, int], Any]]:
    fact = schema.fact.c
    query = select(fact.name, fact.trial_id, fact.epoch, fact.value)
    if names is not None:
        query = query.where(fact.name.in_(list(names)))
    found: dict[str, dict[tuple[int, int], Any]] = {}
    for each in where_in(query, fact.trial_id, trials):
        for name, trial, epoch, value in connection.execute(each):
            found.setdefault(name, {})[trial, epoch] = value
    return found


def _value(values: dict[tuple[int, int], Any], trial: int, epoch: int) -> Any:
    if (trial, epoch) in values:
        return values[trial, epoch]
    value = values.get((trial, WHOLE_TRIAL))
    # Each row gets a list of its own: changing one must not change another.
    return deepcopy(value) if isinstance(value, dict | list) else value
