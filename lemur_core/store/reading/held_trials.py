"""Which writers hold trials at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, func, select

from lemur_core.store import schema
from lemur_core.store.text import now
from lemur_core.store.writing.holders import Holders
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from lemur_core.pipeline import Pipeline

# Of an owner that lemur 0.1 named, on another host.
_PATIENCE_S = 3600.0


class HeldTrial(NamedTuple):
    """The running trials of one owner.

    Attributes:
        trials: How many there are.
        host: Where the owner runs; empty where that is not known.
        silent_s: Seconds since it was last seen, by the database's clock.
        is_over: Whether it is certain to have ended: the next ``lemur run`` goes on with them.
    """

    trials: int
    host: str
    silent_s: float
    is_over: bool


def held_trials(
    connection: Connection, pipelines: Collection[Pipeline] | None = None
) -> list[HeldTrial]:
    """Return who holds running trials, of some pipelines or of all, the longest silent first."""
    trial = schema.trial.c
    query = select(trial.owner, func.count(), func.max(trial.seen)).group_by(trial.owner)
    query = query.where(trial.state == State.RUNNING)
    parts = (trial.task, trial.dataset, trial.metric, trial.nn)
    if pipelines is not None:
        query = query.add_columns(*parts).group_by(*parts)
    names = {(one.task, one.dataset, one.metric, one.net) for one in pipelines or ()}
    counts: dict[str, int] = {}
    seen: dict[str, str] = {}
    for owner, count, latest, *name in connection.execute(query).all():
        if pipelines is None or tuple(name) in names:
            counts[owner or ""] = counts.get(owner or "", 0) + count
            seen[owner or ""] = latest or now()
    holders, found = Holders(), []
    for owner, count in counts.items():
        holder = holders.holder(connection, owner, seen[owner], _PATIENCE_S)
        found.append(HeldTrial(count, holder.host, holder.silent_s, holder.free_in_s == 0))
    return sorted(found, key=lambda held: -held.silent_s)
