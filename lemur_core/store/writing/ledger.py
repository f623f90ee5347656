"""Write what happened to a trial; writing it again changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, bindparam, func

from lemur_core.store import fields, schema
from lemur_core.store.statements import Compiled, insert_once
from lemur_core.store.text import now
from lemur_core.trial import Epoch, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EPOCH_COLUMNS = [(field.name, field.epoch) for field in fields.EPOCH if field.epoch is not None]
# Columns of the trial that an epoch provides; the names are the statement's parameters.
_TRIAL_PARAMETERS = [
    (f"new_{field.name}", field.epoch) for field in fields.TRIAL if field.epoch is not None
]


def epoch_row(epoch: Epoch) -> dict[str, Any]:
    """Return the columns of `schema.stat` for an epoch, by name."""
    return {name: value(epoch) for name, value in _EPOCH_COLUMNS}


def end_row(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of `schema.trial` for the end of a trial, by name."""
    return {field.name: field.end(outcome) for field in fields.TRIAL if field.end is not None}


class NotHeldError(Exception):
    """A trial has another owner than the one that a record names."""


class Ledger:
    """Writes epochs and ends of trials; its statements are compiled once."""

    def __init__(self, engine: Engine) -> None:
        stat, trial = schema.stat, schema.trial
        conditions = (trial.c.id == bindparam("this"), trial.c.owner == bindparam("holder"))
        insert = insert_once(engine.dialect, stat)
        self._insert = Compiled(insert, engine.dialect, ["trial_id", *dict(_EPOCH_COLUMNS)])
        # Keep recorded values that an epoch does not provide.
        values: dict[str, Any] = {
            field.name: func.coalesce(bindparam(f"new_{field.name}"), trial.c[field.name])
            for field in fields.TRIAL
            if field.epoch is not None
        }
        self._touch = Compiled(
            trial.update().where(*conditions).values(seen=bindparam("moment"), **values),
            engine.dialect,
        )

    def enter(self, connection: Connection, trial_id: int, owner: str, epoch: Epoch) -> bool:
        """Write an epoch; return False if an epoch with its number is already recorded.

        Raises:
            NotHeldError: The trial has another owner; the transaction must not be committed.
        """
        row = [trial_id, *[value(epoch) for _, value in _EPOCH_COLUMNS]]
        if not self._insert.execute_ordered(connection, row).rowcount:
            return False
        parameters = {name: value(epoch) for name, value in _TRIAL_PARAMETERS}
        parameters |= {"this": trial_id, "holder": owner, "moment": now()}
        if not self._touch.execute(connection, parameters).rowcount:
            raise NotHeldError
        return True

    def holds(self, connection: Connection, trial_id: int, epoch: Epoch) -> bool:
        """Return whether exactly this epoch is recorded for a trial."""
        stat = schema.stat.c
        conditions = [
            stat[name].is_not_distinct_from(value) for name, value in epoch_row(epoch).items()
        ]
        query = schema.stat.select().where(stat.trial_id == trial_id, *conditions)
        return connection.execute(query).first() is not None

    def end(
        self,
        connection: Connection,
        trial_id: int,
        owner: str,
        end: Mapping[str, Any],
        states: Iterable[State] = State,
    ) -> bool:
        """End a trial if it still has this owner and one of these states; return whether it did."""
        trial = schema.trial.c
        conditions = (trial.id == trial_id, trial.owner == owner, trial.state.in_(list(states)))
        return (
            connection.execute(schema.trial.update().where(*conditions).values(**end)).rowcount == 1
        )
