"""Delete trials with everything that belongs to them, and nothing else."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select

from lemur_core.errors import HeldTrialError
from lemur_core.store import schema
from lemur_core.store.artefacts import folder_of
from lemur_core.store.database import folder_beside
from lemur_core.store.patience import patiently
from lemur_core.store.trials import find_trials, trial_labels
from lemur_core.store.writing.holders import Holder, Holders
from lemur_core.store.writing.lease import HEARTBEAT_S, LEASE_S
from lemur_core.store.writing.owner import runs_here
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# How long an owner without heartbeats may be silent: lemur 0.1 wrote after each epoch only.
_PATIENCE_S = 3600.0
_COUNTED = {"epochs": schema.stat, "facts": schema.fact, "artefacts": schema.artefact}


@dataclass(frozen=True)
class DeletableTrial:
    """A trial and what is deleted with it.

    Attributes:
        id: Id of the trial's row.
        uid: Unique id of the trial.
        label: What to call it in a message.
        state: State of the trial.
        owner: Who trains or trained it.
        seen: When its owner last wrote to it, ISO 8601.
        counts: Number of its epochs, facts and artefacts.
        collections: Names of the collections of which it is a member.
        files: Its files and folders: artefacts, weights and checkpoints.
    """

    id: int
    uid: str
    label: str
    state: str
    owner: str | None
    seen: str | None
    counts: dict[str, int]
    collections: tuple[str, ...]
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Total size of its files."""
        return sum(file.stat().st_size for path in self.files for file in _regular_files(path))


def deletable_trials(engine: Engine, names: Sequence[str]) -> list[DeletableTrial]:
    """Return trials and what would be deleted with them, each trial once.

    Args:
        engine: The database.
        names: Names of trials, as for `lemur_core.store.trials.find_trial`.

    Raises:
        UnknownNameError: A name matches no trial, or several.
    """
    return patiently(engine, lambda connection: _read(engine, connection, names))


def delete_trials(
    engine: Engine,
    trials: Sequence[DeletableTrial],
    say: Callable[[str], None],
    warn: Callable[[str], None],
    holders: Holders | None = None,
) -> None:
    """Delete trials from the database in one transaction, and then their files.

    Positions of other members of collections move up. Code, hyperparameters and data that other
    trials may share stay. If the process dies before the files are deleted, they remain.

    Args:
        engine: The database.
        trials: The trials, as `deletable_trials` returned them.
        say: Called with a line if it takes a while to find out whether a trial is trained.
        warn: Called with a line for each file that cannot be deleted.
        holders: The other writers, as observed so far; None if they were not observed yet.

    Raises:
        HeldTrialError: Another process trains or has changed one of them; nothing is deleted.
    """
    known_holders = holders or Holders()
    for trial in trials:
        if trial.state == State.RUNNING:
            _wait_until_free(engine, known_holders, trial, say)

    def delete(connection: Connection) -> None:
        for trial in trials:
            _delete(connection, known_holders, trial)

    patiently(engine, delete)
    for path in chain.from_iterable(trial.files for trial in trials):
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError as error:
            warn(f"{path} cannot be deleted: {error.strerror or error}; delete it by hand")


def _read(engine: Engine, connection: Connection, names: Sequence[str]) -> list[DeletableTrial]:
    chosen = list(dict.fromkeys(find_trials(connection, names)))
    labels = trial_labels(connection, chosen)
    columns = schema.trial.c
    member, collection = schema.member.c, schema.collection.c
    trials = []
    for (row_id, uid), label in zip(chosen, labels, strict=True):
        query = select(columns.state, columns.owner, columns.seen).where(columns.id == row_id)
        row = connection.execute(query).one()
        counts = {
            name: connection.scalar(
                select(func.count()).select_from(table).where(table.c.trial_id == row_id)
            )
            or 0
            for name, table in _COUNTED.items()
        }
        collections = connection.scalars(
            select(collection.name)
            .join_from(schema.member, schema.collection)
            .where(member.trial_id == row_id)
            .distinct()
            .order_by(collection.name)
        )
        files = tuple(_files(engine, uid))
        trials.append(DeletableTrial(row_id, uid, label, *row, counts, tuple(collections), files))
    return trials


def _files(engine: Engine, uid: str) -> Iterator[Path]:
    """Yield the files and folders beside the database that are named after a trial."""
    yield from [folder] if (folder := folder_of(engine) / uid).is_dir() else []
    yield from sorted(folder_beside(engine, "weights").glob(f"{uid}*.safetensors"))
    # A process that took a trial over moved its checkpoints to UID.OWNER.
    checkpoints = folder_beside(engine, "checkpoints")
    yield from sorted(path for path in checkpoints.glob(f"{uid}*") if path.is_dir())


def _regular_files(path: Path) -> list[Path]:
    return [file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]


def _wait_until_free(
    engine: Engine, holders: Holders, trial: DeletableTrial, say: Callable[[str], None]
) -> None:
    """Wait until the owner of a running trial has certainly ended.

    Raises:
        HeldTrialError: The owner is alive.
    """

    def look(connection: Connection) -> tuple[Holder, bool]:
        holders.look(connection)
        owner = schema.owner.c
        process = connection.scalar(select(owner.process).where(owner.id == trial.owner))
        holder = holders.holder(connection, trial.owner or "", trial.seen or "", _PATIENCE_S)
        return holder, runs_here(process or "")

    left_s: float | None = None
    while True:
        holder, is_here = patiently(engine, look)
        if holder.free_in_s == 0:
            return
        if is_here or holder.free_in_s is None or holder.free_in_s > LEASE_S:
            raise HeldTrialError(trial.label, holder.host)
        # The time left is counted from when its owner is seen again.
        if left_s is not None and holder.free_in_s > left_s - HEARTBEAT_S / 2:
            raise HeldTrialError(trial.label, holder.host)
        if left_s is None:
            say(
                f"trial {trial.label} has not ended; watching for {holder.free_in_s:.0f} s whether "
                "another process still trains it"
            )
        left_s = holder.free_in_s
        time.sleep(min(HEARTBEAT_S, left_s))


def _delete(connection: Connection, holders: Holders, trial: DeletableTrial) -> None:
    columns = schema.trial.c
    unchanged = (
        columns.id == trial.id,
        columns.uid == trial.uid,
        columns.state == trial.state,
        columns.owner.is_not_distinct_from(trial.owner),
    )
    is_free = trial.state != State.RUNNING or holders.end(connection, trial.owner or "")
    # Locks the row: a process that takes the trial over meanwhile finds that it is gone.
    lock = schema.trial.update().where(*unchanged).values(owner=columns.owner)
    if not is_free or not connection.execute(lock).rowcount:
        raise HeldTrialError(trial.label, "")
    for table in (schema.stat, schema.fact, schema.artefact):
        connection.execute(table.delete().where(table.c.trial_id == trial.id))
    _leave_collections(connection, trial.id)
    connection.execute(schema.trial.delete().where(columns.id == trial.id))


def _leave_collections(connection: Connection, trial_id: int) -> None:
    """Delete a trial from its collections, and close the gaps that it leaves."""
    member = schema.member.c
    query = select(member.collection_id, member.role).where(member.trial_id == trial_id)
    for collection_id, role in connection.execute(query).all():
        among = (member.collection_id == collection_id, member.role == role)
        rows = (
            connection.execute(select(member.trial_id).where(*among).order_by(member.position))
            .scalars()
            .all()
        )
        connection.execute(schema.member.delete().where(*among))
        left = [row for row in rows if row != trial_id]
        for position, row in enumerate(left):
            values = {
                "collection_id": collection_id, "role": role, "position": position,
                "trial_id": row,
            }  # fmt: skip
            connection.execute(schema.member.insert().values(values))
