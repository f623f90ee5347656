"""A writer's lease on the trials that it trains, renewed with everything that it writes.

Each writer has a row in the table ``owner`` under a random id, which its trials name as their
owner. A heartbeat replaces a random text in that row, but only if the text is still the one that
the writer put there before. To take over, another writer replaces the same text by an empty one,
under the same condition. The database executes only one of the two, so no trial has two owners,
regardless of clocks, host names and process ids, and even if a process was copied by `os.fork` or
together with its machine.
"""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, bindparam, literal_column, select

from lemur_core.store import schema
from lemur_core.store.statements import Compiled, insert_once
from lemur_core.store.text import storable
from lemur_core.store.writing.owner import this_process

if TYPE_CHECKING:
    from sqlalchemy.sql.elements import ColumnClause

HEARTBEAT_S = 5.0
LEASE_S = 60.0
OVER = ""
"""Heartbeat of a lease that has ended."""

_CLOCKS = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
    "postgresql": (
        "to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') || '+00:00'"
    ),
}


class LeaseEndedError(Exception):
    """Another writer ended the lease, or a copy of this process renewed it."""


class TrialLostError(Exception):
    """A trial that was trained here has another owner; the text says which one."""


def clock(dialect: str) -> ColumnClause[str]:
    """Return the database's time, ISO 8601 in UTC; for SQLite, the time of this host."""
    return literal_column(_CLOCKS[dialect])


class Lease:
    """A lease; it starts when it is first renewed.

    Attributes:
        id: Id of the owner, as trials name it: 128 random bits in hexadecimal.
    """

    def __init__(self, engine: Engine) -> None:
        self.id = secrets.token_hex(16)
        self._beat = self._next = ""
        owner = schema.owner
        self._update = Compiled(
            owner.update()
            .where(owner.c.id == bindparam("this"))
            .where(owner.c.beat.in_([bindparam("before"), bindparam("after")]))
            .values(beat=bindparam("after"), seen=clock(engine.dialect.name)),
            engine.dialect,
        )

    def renew(self, connection: Connection) -> None:
        """Write the next heartbeat; call `confirm` after the commit.

        Doing so again, if the confirmation of a commit was lost, changes nothing.

        Raises:
            LeaseEndedError: Another writer ended the lease, or a copy of this process holds it.
        """
        # Not drawn earlier, because a copy of this process must not draw the same text.
        self._next = self._next or secrets.token_hex(8)
        if not self._beat and self._begin(connection):
            return
        values = {"this": self.id, "before": self._beat or self._next, "after": self._next}
        if not self._update.execute(connection, values).rowcount:
            raise LeaseEndedError

    def confirm(self) -> None:
        """Note that the heartbeat that `renew` wrote was committed."""
        self._beat, self._next = self._next, ""

    def end(self, connection: Connection) -> None:
        """End the lease, so that others can take over unfinished trials at once."""
        owner = schema.owner
        conditions = (owner.c.id == self.id, owner.c.beat == self._beat)
        connection.execute(owner.update().where(*conditions).values(beat=OVER))

    def _begin(self, connection: Connection) -> bool:
        row: dict[str, Any] = {
            "id": self.id,
            "host": storable(socket.gethostname()),
            "process": this_process(),
            "beat": self._next,
            "seen": clock(connection.dialect.name),
        }
        insert = insert_once(connection.dialect, schema.owner).values(row)
        return connection.execute(insert).rowcount == 1


def host_of(connection: Connection, trial_id: int) -> str:
    """Return the host that a trial's owner runs on; empty if unknown."""
    owner, trial = schema.owner.c, schema.trial.c
    query = select(trial.owner, owner.host)
    query = query.join_from(schema.trial, schema.owner, trial.owner == owner.id, isouter=True)
    row = connection.execute(query.where(trial.id == trial_id)).first()
    if row is None:
        return ""
    # lemur 0.1 recorded the host in the trial itself.
    return row.host or (row.owner or "").rpartition(" ")[0].partition(" ")[0]
