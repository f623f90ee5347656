"""Find out which writers hold running trials."""

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

# How long an owner on another host may be silent if lemur 0.1 recorded it, which had no heartbeats.
_PATIENCE_S = 3600.0


class HeldTrial(NamedTuple):
    """The running trials of one owner.

    Attributes:
        trials: Number of trials.
        host: Host that the owner runs on; empty if unknown.
        silent_s: Seconds since the owner was last seen, by the database's clock.
        is_over: Whether the owner has certainly ended; the next ``lemur run`` then resumes the
            trials.
    """

    trials: int
    host: str
    silent_s: float
    is_over: bool


def held_trials(
    connection: Connection, pipelines: Collection[Pipeline] | None = None
) -> list[HeldTrial]:
    """Return the running trials by owner, those of the longest silent owner first.

    Args:
        connection: Connection to the database.
        pipelines: Pipelines whose trials to count; None for all trials.
    """
    trial = schema.trial.c
    query = select(trial.owner, func.count(), func.max(trial.seen)).group_by(trial.owner)
    query = query.where(trial.state == State.RUNNING)
    parts = (trial.task, trial.dataset, trial.metric, trial.nn)
    if pipelines is not None:
        query = query.add_columns(*parts).group_by(*parts)
    names = {
        (pipeline.task, pipeline.dataset, pipeline.metric, pipeline.net)
        for pipeline in pipelines or ()
    }
    counts: dict[str, int] = {}
    last_seen: dict[str, str] = {}
    for owner, count, latest, *parts_of_row in connection.execute(query).all():
        if pipelines is None or tuple(parts_of_row) in names:
            counts[owner or ""] = counts.get(owner or "", 0) + count
            last_seen[owner or ""] = latest or now()
    holders, result = Holders(), []
    for owner, count in counts.items():
        holder = holders.holder(connection, owner, last_seen[owner], _PATIENCE_S)
        result.append(HeldTrial(count, holder.host, holder.silent_s, holder.free_in_s == 0))
    return sorted(result, key=lambda held: -held.silent_s)
