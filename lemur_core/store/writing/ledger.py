"""Enter what happened to a trial so that entering it again changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, bindparam, func

from lemur_core.store import fields, schema
from lemur_core.store.statements import Compiled, insert_once
from lemur_core.store.text import now
from lemur_core.trial import Epoch, Outcome, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_EPOCH = [(one.name, one.epoch) for one in fields.EPOCH if one.epoch is not None]
# What an epoch tells of its trial; the names are those of the statement's parameters.
_OF_NET = [(f"new_{one.name}", one.epoch) for one in fields.TRIAL if one.epoch is not None]


def epoch_row(epoch: Epoch) -> dict[str, Any]:
    """Return the columns of `schema.stat` that an epoch gives, by name."""
    return {name: value(epoch) for name, value in _OF_EPOCH}


def end_row(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of `schema.trial` that say how a trial ended, by name."""
    return {field.name: field.end(outcome) for field in fields.TRIAL if field.end is not None}


class NotHeldError(Exception):
    """A trial has another owner than the one in whose name something was to be entered."""


class Ledger:
    """Enters epochs and ends; its statements are compiled once."""

    def __init__(self, engine: Engine) -> None:
        stat, trial = schema.stat, schema.trial
        this = (trial.c.id == bindparam("this"), trial.c.owner == bindparam("holder"))
        insert = insert_once(engine.dialect, stat)
        self._insert = Compiled(insert, engine.dialect, ["trial_id", *dict(_OF_EPOCH)])
        # What is known is not forgotten where an epoch does not tell it.
        known: dict[str, Any] = {
            one.name: func.coalesce(bindparam(f"new_{one.name}"), trial.c[one.name])
            for one in fields.TRIAL
            if one.epoch is not None
        }
        self._touch = Compiled(
            trial.update().where(*this).values(seen=bindparam("moment"), **known), engine.dialect
        )

    def enter(self, connection: Connection, trial_id: int, owner: str, epoch: Epoch) -> bool:
        """Enter an epoch; return False where the trial has one of this number.

        Raises:
            NotHeldError: The trial has another owner; the transaction must not be committed.
        """
        row = [trial_id, *[value(epoch) for _, value in _OF_EPOCH]]
        if not self._insert.execute_ordered(connection, row).rowcount:
            return False
        touched = {name: value(epoch) for name, value in _OF_NET}
        touched |= {"this": trial_id, "holder": owner, "moment": now()}
        if not self._touch.execute(connection, touched).rowcount:
            raise NotHeldError
        return True

    def holds(self, connection: Connection, trial_id: int, epoch: Epoch) -> bool:
        """Return whether a trial has this very epoch."""
        stat = schema.stat.c
        same = [stat[name].is_not_distinct_from(value) for name, value in epoch_row(epoch).items()]
        query = schema.stat.select().where(stat.trial_id == trial_id, *same)
        return connection.execute(query).first() is not None

    def end(
        self,
        connection: Connection,
        trial_id: int,
        owner: str,
        end: Mapping[str, Any],
        states: Iterable[State] = State,
    ) -> bool:
        """End a trial that still is its owner's and in one of these states; return whether."""
        trial = schema.trial.c
        mine = (trial.id == trial_id, trial.owner == owner, trial.state.in_(list(states)))
        return connection.execute(schema.trial.update().where(*mine).values(**end)).rowcount == 1
