"""Database maintenance: summarise, check, back up and vacuum a database."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Table, func, select, text

from lemur_core.codec import DECODING_ERRORS
from lemur_core.dataset import DatasetRecord, label
from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.artefacts import folder_of
from lemur_core.store.attached_care import attached_faults
from lemur_core.store.code import CODE_TABLES
from lemur_core.store.database import sqlite_file
from lemur_core.store.identity import code_hash, prm_uid
from lemur_core.store.patience import patiently
from lemur_core.store.reading.held_trials import HeldTrial, held_trials
from lemur_core.store.trouble import place
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class ImportSource:
    """A source that results were imported from.

    Attributes:
        place: Path or URL, as the user gave it.
        form: Format of the source.
        taken: Time of the import, ISO 8601 in UTC.
        epochs: Number of epochs imported from it.
    """

    place: str
    form: str
    taken: str
    epochs: int


@dataclass(frozen=True)
class Datasets:
    """The trials on one dataset with the same content.

    Attributes:
        name: Name of the dataset, including its restriction.
        label: Short name of its content.
        trials: Number of trials trained on it.
    """

    name: str
    label: str
    trials: int


@dataclass(frozen=True)
class DatabaseInfo:
    """A summary of a database.

    Attributes:
        place: Path of its file, or its URL without the password.
        revision: Revision of its schema.
        size: Bytes on disk.
        rows: Number of rows by table.
        states: Number of trials by state.
        held: Running trials and their owners.
        sources: Sources of imported results, oldest first.
        datasets: Datasets that trials were trained on, where known.
        artefacts: Folder of the artefacts.
        artefact_bytes: Total size of the artefacts in bytes.
    """

    place: str
    revision: str
    size: int
    rows: dict[str, int]
    states: dict[str, int]
    held: list[HeldTrial]
    sources: list[ImportSource]
    datasets: list[Datasets]
    artefacts: Path
    artefact_bytes: int


def info(engine: Engine) -> DatabaseInfo:
    """Return a summary of a database."""
    return patiently(engine, lambda connection: _info(engine, connection))


def backup(engine: Engine, to: Path) -> Path:
    """Copy an SQLite database; other processes may write to it meanwhile.

    Args:
        engine: The database.
        to: The file to write.

    Returns:
        ``to``.

    Raises:
        StoreError: ``to`` exists or cannot be written, or the database is on a server.
    """
    file = sqlite_file(engine.url)
    if file is None:
        raise StoreError(f"database {place(engine)}: is on a server; copy it with pg_dump")
    if to.is_symlink() or to.exists():
        raise StoreError(f"backup {to}: already exists; name another file, or remove it")
    if not to.parent.is_dir():
        raise StoreError(f"backup {to}: there is no directory {to.parent}")
    # An incomplete copy must not be mistaken for a backup.
    part = to.with_name(f"{to.name}.part")
    try:
        part.unlink(missing_ok=True)
        with closing(engine.raw_connection()) as source, closing(_connect(part)) as copy:
            driver: Any = source.driver_connection
            driver.backup(copy)
        return part.rename(to)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise StoreError(f"backup {to}: {reason}") from error


def _connect(file: Path) -> sqlite3.Connection:
    # SQLite may interpret a relative path that starts with file: as a URI.
    return sqlite3.connect(file.absolute())


def vacuum(engine: Engine) -> None:
    """Release unused space and update the statistics of the query planner.

    Raises:
        StoreError: It failed, for example because another process writes to the database.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.exec_driver_sql("VACUUM ANALYZE")


def check(engine: Engine) -> list[str]:
    """Return one line for each fault of a database; empty if it is sound."""
    faults = patiently(engine, lambda connection: list(_faults(connection)))
    return [*faults, *attached_faults(engine)]


def _info(engine: Engine, connection: Connection) -> DatabaseInfo:
    trial, stat, source = schema.trial.c, schema.stat.c, schema.source.c
    tables = [table for table in schema.metadata.sorted_tables if table is not schema.revision]
    states = (
        select(trial.state, func.count().label("trials"))
        .group_by(trial.state)
        .order_by(trial.state)
    )
    sources = (
        select(source.place, source.form, source.taken, func.count(stat.epoch))
        .join_from(schema.source, schema.stat, isouter=True)
        .group_by(source.id)
        .order_by(source.id)
    )
    return DatabaseInfo(
        place(engine),
        connection.scalar(select(schema.revision.c.version_num)) or "",
        _size(engine, connection),
        {table.name: _count(connection, table) for table in tables},
        {row.state: row.trials for row in connection.execute(states)},
        held_trials(connection),
        [ImportSource(*row) for row in connection.execute(sources)],
        _datasets(connection),
        folder_of(engine),
        int(connection.scalar(select(func.sum(schema.artefact.c.bytes))) or 0),
    )


def _datasets(connection: Connection) -> list[Datasets]:
    trial, dataset = schema.trial.c, schema.dataset.c
    columns = (trial.dataset, dataset.folder, dataset.fingerprint)
    query = (
        select(*columns, func.count())
        .join_from(schema.trial, schema.dataset)
        .group_by(*columns)
        .order_by(trial.dataset, func.min(trial.id))
    )
    rows = connection.execute(query)
    return [Datasets(name, label(*content), trials) for name, *content, trials in rows]


def _size(engine: Engine, connection: Connection) -> int:
    file = sqlite_file(engine.url)
    if engine.dialect.name != "sqlite":
        return connection.scalar(text("select pg_database_size(current_database())")) or 0
    parts = [] if file is None else [file, Path(f"{file}-wal")]
    return sum(part.stat().st_size for part in parts if part.exists())


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _faults(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        yield from _sqlite_faults(connection)
    for find_faults in (_code_faults, _prm_faults, _dataset_faults, _epoch_gaps):
        try:
            yield from find_faults(connection)
        # Raised for a value that lemur did not write.
        except DECODING_ERRORS as error:
            yield f"a value cannot be read: {type(error).__name__}: {error}"


def _sqlite_faults(connection: Connection) -> Iterator[str]:
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield line
    for table, row, other, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} refers to a missing row of {other}"


def _code_faults(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(schema.code)):
        # The text has escapes for characters that databases cannot store; the hash was computed
        # without them.
        if code_hash(row.text) != row.hash and "\\" not in row.text:
            names = "".join(f", {name}" for name in _names_of(connection, row.hash))
            yield f"code {row.hash[:12]}{names} does not match its hash"


def _names_of(connection: Connection, identity: str) -> Iterator[str]:
    for table in CODE_TABLES:
        query = select(table.c.name).where(table.c.hash == identity).order_by(table.c.id)
        for name in connection.scalars(query):
            yield f"{table.name} {name!r}"


def _prm_faults(connection: Connection) -> Iterator[str]:
    prm, trial = schema.prm.c, schema.trial.c
    prms: dict[str, dict[str, Any]] = {}
    for uid, name, value in connection.execute(select(prm.uid, prm.name, prm.value)):
        prms.setdefault(uid, {})[name] = value
    for uid, values in prms.items():
        if prm_uid(values) != uid and not any("\\" in name for name in values):
            yield f"hyperparameters {uid} do not match their uid"
    for uid in connection.scalars(select(trial.prm).distinct()):
        if uid not in prms and uid != prm_uid({}):
            yield f"hyperparameters {uid} of a trial are missing"


def _dataset_faults(connection: Connection) -> Iterator[str]:
    dataset = schema.dataset.c
    query = select(dataset.fingerprint, dataset.folder, dataset.class_names, dataset.parts)
    for fingerprint, *texts in connection.execute(query):
        try:
            is_whole = DatasetRecord.from_texts(*texts).fingerprint == fingerprint
        except (ValueError, TypeError, AttributeError):
            is_whole = False
        if not is_whole:
            yield f"dataset {fingerprint} does not match its fingerprint"


def _epoch_gaps(connection: Connection) -> Iterator[str]:
    trial, stat = schema.trial.c, schema.stat.c
    counted = (
        select(trial.uid, trial.epochs, func.count(stat.epoch), func.max(stat.epoch))
        .join_from(schema.trial, schema.stat, isouter=True)
        .where(trial.state == State.FINISHED)
        # For trainings outside lemur, the number of epochs is only a plan.
        .where(trial.recipe.is_distinct_from(ELSEWHERE))
        .group_by(trial.id)
    )
    for uid, expected, count, last in connection.execute(counted):
        if count != expected or last != expected:
            yield f"trial {uid} is finished and has {count} epochs; expected {expected}"
