"""Hold trials by a lease, which is renewed with every record and every few seconds.

A lease that ended, as its writer was silent for too long, is followed by another one.
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
        lock: Held while anything here is used in a transaction; it is taken before that begins.
        holders: The other writers, as far as they were watched.
        has_waiting: Whether records wait beside the database; they are in the name of the lease by
            which the trials were held then, and are taken in before a trial changes its lease.
    """

    def __init__(self, engine: Engine) -> None:
        self.lock, self.holders, self.has_waiting = RLock(), Holders(), False
        self._engine, self._lease = engine, Lease(engine)
        self._heartbeat: Heartbeat | None = None
        # By which lease each trial is held: one that has ended, maybe.
        self._owners: dict[int, str] = {}

    @property
    def owner(self) -> str:
        """The writer's id, as its trials name their owner."""
        return self._lease.id

    def owner_of(self, trial_id: int) -> str:
        """Return the id by which a trial is held, or was when it was last written to."""
        return self._owners.get(trial_id, self.owner)

    def take(self, trial_id: int) -> None:
        """Note that a trial is held."""
        self._owners[trial_id] = self.owner

    def release(self, trial_id: int) -> None:
        """Note that a trial, which has ended, is not held."""
        self._owners.pop(trial_id, None)

    def close(self) -> None:
        """Let others take over at once what is left of the trials."""
        if self._heartbeat is None:
            return
        self._heartbeat.stop(HEARTBEAT_S)
        self._heartbeat = None
        with suppress(StoreError), self.lock:
            patiently(self._engine, self._lease.end, 0)

    def beat(self) -> None:
        """Write a heartbeat, and look at those of others, unless the database is away."""

        def look(connection: Connection) -> list[int]:
            self.holders.look(connection)
            # The writer's own thread may take or release a trial meanwhile.
            held = [] if self.has_waiting else list(self._owners)
            return [trial_id for trial_id in held if self.reclaim(connection, trial_id)]

        with suppress(StoreError), self.lock:
            for trial_id in self.transact(look, 0):
                self.take(trial_id)

    def start(self) -> None:
        """Begin to write heartbeats, in a thread, unless that was begun."""
        # Each connection to a database in memory has one of its own.
        is_shared = self._engine.dialect.name != "sqlite" or sqlite_file(self._engine.url)
        if is_shared and (self._heartbeat is None or self._heartbeat.is_over):
            self._heartbeat = Heartbeat(self.beat, HEARTBEAT_S)
            # It must not open a connection that nobody closes.
            event.listen(self._engine, "engine_disposed", self._heartbeat.end, once=True)

    def transact(self, work: Callable[[Connection], Result], patience_s: float) -> Result:
        """Renew the lease and do something more, in one transaction.

        Args:
            work: What is done.
            patience_s: How long the database is waited for.

        Raises:
            AwayError: The database is away.
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
        """Take a trial along to another lease, if nobody took it since the one before ended."""
        before, trial, owner = self._owners.get(trial_id), schema.trial.c, schema.owner.c
        if before in (None, self.owner):
            return False
        ended = select(owner.id).where(owner.id == before, owner.beat == OVER).exists()
        # Its own too, where the answer to the commit was lost.
        left = (trial.id == trial_id, trial.owner.in_((before, self.owner)), ended)
        change = schema.trial.update().where(*left).values(owner=self.owner)
        return connection.execute(change).rowcount == 1

    def check(self, connection: Connection, trial_id: int) -> None:
        """Look whether a trial is held, and keep others from it until the transaction ends.

        Raises:
            NotHeldError: It has another owner.
        """
        trial = schema.trial.c
        mine = schema.trial.update().where(trial.id == trial_id, trial.owner == self.owner)
        if not connection.execute(mine.values(owner=self.owner)).rowcount:
            raise NotHeldError

    def lost(self, trial_id: int) -> TrialLostError:
        """Return the error that says who took a trial over."""
        with suppress(StoreError):
            host = patiently(self._engine, lambda found: host_of(found, trial_id), 0)
            if host:
                return TrialLostError(f"taken over by a campaign on host {host}")
        return TrialLostError("taken over by another campaign")
