"""Judge whether other writers still hold the trials that name them as their owners.

No clock of another machine is believed. A writer is judged by how long its heartbeat stayed the
same while it was watched, by this process's own clock, which no one can set; time in which this
process did not look, as it or the whole machine was stopped, does not count. The database's clock
only shortens the wait for writers that, by it, were last seen long ago.
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
"""How long a writer is watched that, by the database's clock, was not seen for a whole lease."""
# What one look adds at most to the time that a writer was watched.
_LONGEST_LOOK_S = 2 * HEARTBEAT_S


class Holder(NamedTuple):
    """What is known of the owner of a trial.

    Attributes:
        host: Where it runs; empty where that is not known.
        silent_s: Seconds since it was last seen, as far as the database's clock can tell.
        free_in_s: Seconds until its trials may be taken over, unless it is seen before that; None
            while its process lives.
    """

    host: str
    silent_s: float
    free_in_s: float | None


@dataclass
class _Sight:
    """What was seen of an owner.

    Attributes:
        host, process, beat: As its row has them.
        age_s: Seconds since it was last seen, by the database's clock.
        watched_s: Seconds for which its heartbeat was watched and stayed the same.
        looked: When it was last looked at, by this process's clock.
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
    """The other writers of a database, as far as they were watched.

    Args:
        tick: Gives seconds that pass here; no step of the machine's clock may change it.
    """

    def __init__(self, tick: Callable[[], float] = time.monotonic) -> None:
        self._tick = tick
        self._sights: dict[str, _Sight] = {}

    def look(self, connection: Connection) -> None:
        """Look at the heartbeats of all writers whose lease has not ended."""
        owner = schema.owner.c
        columns = (owner.id, owner.host, owner.process, owner.beat, owner.seen)
        moment = clock(connection.dialect.name).label("moment")
        rows = connection.execute(select(*columns, moment).where(owner.beat != OVER))
        at = self._tick()
        sights = {}
        for row in rows:
            before = self._sights.get(row.id)
            watched_s = 0.0
            if before is not None and before.beat == row.beat:
                watched_s = before.watched_s + min(at - before.looked, _LONGEST_LOOK_S)
            age_s = _seconds(row.seen, row.moment)
            sights[row.id] = _Sight(row.host, row.process, row.beat, age_s, watched_s, at)
        self._sights = sights

    def holder(self, connection: Connection, owner: str, seen: str, patience_s: float) -> Holder:
        """Return what is known of a trial's owner.

        Args:
            connection: To the database, for an owner that was not there at the last look.
            owner: As the trial names it.
            seen: When the trial was last written, ISO 8601; all that is known of an owner that has
                no row, as lemur 0.1 wrote it or as the trial was taken in from another database.
            patience_s: How long ago that may be.
        """
        if owner not in self._sights:
            self.look(connection)
        sight = self._sights.get(owner)
        if sight is not None:
            return Holder(sight.host, max(sight.age_s, sight.watched_s), sight.free_in_s)
        if _beat(connection, owner) == OVER:
            return Holder("", 0.0, 0.0)
        host = owner.rpartition(" ")[0].partition(" ")[0]
        silent_s = _seconds(seen, now())
        if not earlier_owner_lives(owner, seen, patience_s):
            return Holder(host, silent_s, 0.0)
        left_s = patience_s - silent_s
        return Holder(host, max(0.0, silent_s), left_s if left_s > 0 else None)

    def end(self, connection: Connection, owner: str) -> bool:
        """End the lease of an owner whose trials are free; return False if it is heard of again."""
        known, sight = schema.owner.c, self._sights.get(owner)
        # Judged again: since it was found free, another look may have seen it live.
        if sight is not None and sight.free_in_s == 0:
            same = (known.id == owner, known.beat == sight.beat)
            change = schema.owner.update().where(*same).values(beat=OVER)
            if connection.execute(change).rowcount:
                return True
        # Another ended it, or it never had one.
        return _beat(connection, owner) in (OVER, None)


def _beat(connection: Connection, owner: str) -> str | None:
    query = select(schema.owner.c.beat).where(schema.owner.c.id == owner)
    found: str | None = connection.scalar(query)
    return found


def _seconds(before: str, after: str) -> float:
    return (_moment(after) - _moment(before)).total_seconds()


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
