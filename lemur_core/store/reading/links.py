"""The trials that a trial continues or repeats, and those that continue or repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.continuation import NAME, origin_in
from lemur_core.early_end import REPEATS
from lemur_core.fact import WHOLE_TRIAL
from lemur_core.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Link(NamedTuple):
    """A trial that another one is linked to.

    Attributes:
        relation: ``continues``, ``continued by``, ``repeats`` or ``repeated by``.
        uid: Unique id of the other trial.
        epoch: Number of the last epoch before the continuation; None for a repetition.
    """

    relation: str
    uid: str
    epoch: int | None = None


def read_links(
    connection: Connection, uid: str, prm: Mapping[str, Any], facts: Mapping[str, Any]
) -> list[Link]:
    """Return the links of a trial.

    Args:
        connection: Connection to the database.
        uid: Unique id of the trial.
        prm: Its hyperparameters.
        facts: Its facts.
    """
    links = []
    if origin := origin_in(prm):
        links.append(Link("continues", origin.uid, origin.epoch))
    if isinstance(stopped := facts.get(REPEATS), str):
        links.append(Link("repeats", stopped))
    return [*links, *_continuations(connection, uid), *_repetitions(connection, uid)]


def _continuations(connection: Connection, uid: str) -> Iterator[Link]:
    trial, prm = schema.trial.c, schema.prm.c
    query = (
        select(trial.uid, prm.value)
        .join_from(schema.trial, schema.prm, trial.prm == prm.uid)
        .where(prm.name == NAME)
        .order_by(trial.id)
    )
    for row in connection.execute(query):
        origin = origin_in({NAME: row.value})
        if origin is not None and origin.uid == uid:
            yield Link("continued by", row.uid, origin.epoch)


def _repetitions(connection: Connection, uid: str) -> Iterator[Link]:
    trial, fact = schema.trial.c, schema.fact.c
    query = (
        select(trial.uid)
        .join_from(schema.trial, schema.fact, trial.id == fact.trial_id)
        .where(fact.name == REPEATS, fact.epoch == WHOLE_TRIAL, fact.value == uid)
        .order_by(trial.id)
    )
    yield from (Link("repeated by", other) for other in connection.scalars(query))
