"""Decide whether other writers still hold the trials that name them as their owner.

Clocks of other machines are not trusted. A writer is considered gone if its heartbeat does not
change for a certain time, measured by this process's monotonic clock. Time during which this
process did not look, because it or the whole machine was suspended, does not count. The database's
clock can only shorten the wait, for writers that it last saw long ago.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.text import now
from lemur_core.store.writing.lease import HEARTBEAT_S, LEASE_S, OVER, clock
from lemur_core.store.writing.owner import earlier_owner_lives, has_ended

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIRM_S = 3 * HEARTBEAT_S
"""Seconds to watch a writer that, by the database's clock, was not seen for a whole lease."""
# Maximum time that one look adds to the time that a writer was watched.
_LONGEST_LOOK_S = 2 * HEARTBEAT_S


class Holder(NamedTuple):
    """The state of the owner of a trial.

    Attributes:
        host: Host that the owner runs on; empty if unknown.
        silent_s: Seconds since the owner was last seen, as far as the database's clock can tell.
        free_in_s: Seconds until its trials may be taken over, unless it is seen before; None while
            its process is alive.
    """

    host: str
    silent_s: float
    free_in_s: float | None


@dataclass
class _Observation:
    """The observed state of an owner.

    Attributes:
        host, process, beat: Values of the owner's row.
        age_s: Seconds since the owner was last seen, by the database's clock.
        watched_s: Seconds during which its heartbeat was watched and did not change.
        looked: Time of the last look, by this process's clock.
    """

    host: str
    process: str
    beat: str
    age_s: float
    watched_s: float
    looked: float

    @property
    def free_in_s(self) -> float:
        if self.beat == OVER or has_ended(self.process):
            return 0.0
        confirmed_s = max(CONFIRM_S - self.watched_s, LEASE_S - self.age_s)
        return max(0.0, min(LEASE_S - self.watched_s, confirmed_s))


class Holders:
    """The other writers of a database, as observed so far.

    Args:
        tick: Returns a monotonic time in seconds.
    """

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._observations: dict[str, _Observation] = {}

    def look(self, connection: Connection) -> None:
        """Read the heartbeats of all writers whose lease has not ended."""
        owner = schema.owner.c
        columns = (owner.id, owner.host, owner.process, owner.beat, owner.seen)
        moment = clock(connection.dialect.name).label("moment")
        rows = connection.execute(select(*columns, moment).where(owner.beat != OVER))
        looked_at = self._tick()
        observations = {}
        for row in rows:
            previous = self._observations.get(row.id)
            watched_s = 0.0
            if previous is not None and previous.beat == row.beat:
                watched_s = previous.watched_s + min(looked_at - previous.looked, _LONGEST_LOOK_S)
            age_s = _seconds(row.seen, row.moment)
            observations[row.id] = _Observation(
                row.host, row.process, row.beat, age_s, watched_s, looked_at
            )
        self._observations = observations

    def holder(self, connection: Connection, owner: str, seen: str, patience_s: float) -> Holder:
        """Return the state of a trial's owner.

        Args:
            connection: Connection to the database, for an owner that the last look did not find.
            owner: Id of the owner, as in the trial's row.
            seen: When the trial was last written, ISO 8601. An owner without a row is judged by
                this time only: it was recorded by lemur 0.1, or the trial was imported from another
                database.
            patience_s: How long ago that may be, in seconds.
        """
        if owner not in self._observations:
            self.look(connection)
        observation = self._observations.get(owner)
        if observation is not None:
            return Holder(
                observation.host,
                max(observation.age_s, observation.watched_s),
                observation.free_in_s,
            )
        if _beat(connection, owner) == OVER:
            return Holder("", 0.0, 0.0)
        host = owner.rpartition(" ")[0].partition(" ")[0]
        silent_s = _seconds(seen, now())
        if not earlier_owner_lives(owner, seen, patience_s):
            return Holder(host, silent_s, 0.0)
        left_s = patience_s - silent_s
        return Holder(host, max(0.0, silent_s), left_s if left_s > 0 else None)

    def end(self, connection: Connection, owner: str) -> bool:
        """End the lease of an owner whose trials are free; return False if the owner is active."""
        owners, observation = schema.owner.c, self._observations.get(owner)
        # Check again: another look may have seen the owner active since it was found free.
        if observation is not None and observation.free_in_s == 0:
            conditions = (owners.id == owner, owners.beat == observation.beat)
            change = schema.owner.update().where(*conditions).values(beat=OVER)
            if connection.execute(change).rowcount:
                return True
        # Another writer ended the lease, or there never was one.
        return _beat(connection, owner) in (OVER, None)


def _beat(connection: Connection, owner: str) -> str | None:
    query = select(schema.owner.c.beat).where(schema.owner.c.id == owner)
    beat: str | None = connection.scalar(query)
    return beat


def _seconds(before: str, after: str) -> float:
    return (_moment(after) - _moment(before)).total_seconds()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
