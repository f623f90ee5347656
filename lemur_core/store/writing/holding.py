"""Hold trials under a lease that is renewed with every record and every few seconds.

If the lease ended because its writer was silent for too long, the writer gets a new lease.
"""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine, event, select

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.database import sqlite_file
from lemur_core.store.patience import patiently
from lemur_core.store.writing.heartbeat import Heartbeat
from lemur_core.store.writing.holders import Holders
from lemur_core.store.writing.lease import (
    HEARTBEAT_S,
    OVER,
    Lease,
    LeaseEndedError,
    TrialLostError,
    host_of,
)
from lemur_core.store.writing.ledger import NotHeldError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Holding:
    """The trials that a writer holds.

    Args:
        engine: The database.

    Attributes:
        lock: Lock to hold while an object of this class is used in a transaction; acquire it before
            the transaction starts.
        holders: The other writers, as observed so far.
        has_waiting: Whether records wait in the file of unwritten records. They name the lease
            under which their trial was held, so they must be written to the database before a
            trial moves to another lease.
    """

    def __init__(self, engine: Engine) -> None:
        self.lock, self.holders, self.has_waiting = RLock(), Holders(), False
        self._engine, self._lease = engine, Lease(engine)
        self._heartbeat: Heartbeat | None = None
        # The id of the lease under which each trial is held; the lease may have ended.
        self._owners: dict[int, str] = {}

    @property
    def owner(self) -> str:
        """Id of the writer, which its trials name as their owner."""
        return self._lease.id

    def owner_of(self, trial_id: int) -> str:
        """Return the owner id under which a trial is held or was last written."""
        return self._owners.get(trial_id, self.owner)

    def take(self, trial_id: int) -> None:
        """Mark a trial as held."""
        self._owners[trial_id] = self.owner

    def release(self, trial_id: int) -> None:
        """Mark a trial, which has ended, as not held."""
        self._owners.pop(trial_id, None)

    def close(self) -> None:
        """End the lease, so that others can take over unfinished trials at once."""
        if self._heartbeat is None:
            return
        self._heartbeat.stop(HEARTBEAT_S)
        self._heartbeat = None
        with suppress(StoreError), self.lock:
            patiently(self._engine, self._lease.end, 0)

    def beat(self) -> None:
        """Write a heartbeat and read those of others, unless the database is unavailable."""

        def look(connection: Connection) -> list[int]:
            self.holders.look(connection)
            # A copy, because the writer's own thread may take or release a trial meanwhile.
            held = [] if self.has_waiting else list(self._owners)
            return [trial_id for trial_id in held if self.reclaim(connection, trial_id)]

        with suppress(StoreError), self.lock:
            for trial_id in self.transact(look, 0):
                self.take(trial_id)

    def start(self) -> None:
        """Start a thread that writes heartbeats, unless it is running."""
        # Each connection to an in-memory database has its own database.
        is_shared = self._engine.dialect.name != "sqlite" or sqlite_file(self._engine.url)
        if is_shared and (self._heartbeat is None or self._heartbeat.is_over):
            self._heartbeat = Heartbeat(self.beat, HEARTBEAT_S)
            # After the engine is disposed of, it must not open connections that nobody closes.
            event.listen(self._engine, "engine_disposed", self._heartbeat.end, once=True)

    def transact(self, work: Callable[[Connection], Result], patience_s: float) -> Result:
        """Renew the lease and do some work in one transaction.

        Args:
            work: The work.
            patience_s: How long to wait for the database, in seconds.

        Raises:
            AwayError: The database is unavailable.
        """
        with self.lock:
            while True:
                lease = self._lease

                def renewed(connection: Connection, lease: Lease = lease) -> Result:
                    lease.renew(connection)
                    return work(connection)

                try:
                    result = patiently(self._engine, renewed, patience_s)
                except LeaseEndedError:
                    self._lease = Lease(self._engine)
                    continue
                lease.confirm()
                return result

    def reclaim(self, connection: Connection, trial_id: int) -> bool:
        """Move a trial to the current lease if nobody took it over since its lease ended."""
        previous_owner, trial, owner = self._owners.get(trial_id), schema.trial.c, schema.owner.c
        if previous_owner in (None, self.owner):
            return False
        ended = select(owner.id).where(owner.id == previous_owner, owner.beat == OVER).exists()
        # Include the current lease, in case the confirmation of an earlier commit was lost.
        conditions = (trial.id == trial_id, trial.owner.in_((previous_owner, self.owner)), ended)
        change = schema.trial.update().where(*conditions).values(owner=self.owner)
        return connection.execute(change).rowcount == 1

    def check(self, connection: Connection, trial_id: int) -> None:
        """Check that a trial is held, and lock it until the transaction ends.

        Raises:
            NotHeldError: The trial has another owner.
        """
        trial = schema.trial.c
        update = schema.trial.update().where(trial.id == trial_id, trial.owner == self.owner)
        if not connection.execute(update.values(owner=self.owner)).rowcount:
            raise NotHeldError

    def lost(self, trial_id: int) -> TrialLostError:
        """Return an error that says who took a trial over."""
        with suppress(StoreError):
            host = patiently(self._engine, lambda connection: host_of(connection, trial_id), 0)
            if host:
                return TrialLostError(f"taken over by a campaign on host {host}")
        return TrialLostError("taken over by another campaign")
