"""Look after a database: what is in it, whether it is sound, a copy of it, its size."""

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
    """Where results were taken in from.

    Attributes:
        place: As it was named.
        form: What it was.
        taken: When, ISO 8601 in UTC.
        epochs: How many epochs came from it.
    """

    place: str
    form: str
    taken: str
    epochs: int


@dataclass(frozen=True)
class Datasets:
    """The trials on one content of a data set.

    Attributes:
        name: Name of the data set, with its restriction.
        label: Short name of its content.
        trials: How many trials were trained on it.
    """

    name: str
    label: str
    trials: int


@dataclass(frozen=True)
class DatabaseInfo:
    """What a database holds.

    Attributes:
        place: Its file, or its URL without the password.
        revision: Its schema.
        size: Bytes on the disk.
        rows: Number of rows of each table.
        states: Number of trials in each state.
        held: Who holds the trials that run.
        sources: Where results were taken in from, oldest first.
        datasets: The data sets that trials were trained on, as far as they are known.
        artefacts: The folder of the artefacts.
        artefact_bytes: How many bytes the artefacts have together.
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
    """Return what a database holds."""
    return patiently(engine, lambda connection: _info(engine, connection))


def backup(engine: Engine, to: Path) -> Path:
    """Copy an SQLite database, also while others write to it.

    Args:
        engine: The database.
        to: The file to write.

    Returns:
        ``to``.

    Raises:
        StoreError: ``to`` is there already or cannot be written, or the database is a server's.
    """
    file = sqlite_file(engine.url)
    if file is None:
        raise StoreError(f"database {place(engine)}: is on a server; copy it with pg_dump")
    if to.is_symlink() or to.exists():
        raise StoreError(f"backup {to}: is there already; name another file, or remove it")
    if not to.parent.is_dir():
        raise StoreError(f"backup {to}: there is no directory {to.parent}")
    # A copy that is cut short must not look like one.
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
    # SQLite may take a relative path that begins with file: for a URI.
    return sqlite3.connect(file.absolute())


def vacuum(engine: Engine) -> None:
    """Give back the room that is not used, and let the database plan its queries by what it holds.

    Raises:
        StoreError: It cannot be done; others write to it, say.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("ANALYZE")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.exec_driver_sql("VACUUM ANALYZE")


def check(engine: Engine) -> list[str]:
    """Return what is wrong with a database, a line each; none where it is sound."""
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
    taken = (
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
        [ImportSource(*row) for row in connection.execute(taken)],
        _datasets(connection),
        folder_of(engine),
        int(connection.scalar(select(func.sum(schema.artefact.c.bytes))) or 0),
    )


def _datasets(connection: Connection) -> list[Datasets]:
    trial, dataset = schema.trial.c, schema.dataset.c
    kept = (trial.dataset, dataset.folder, dataset.fingerprint)
    query = (
        select(*kept, func.count())
        .join_from(schema.trial, schema.dataset)
        .group_by(*kept)
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
        yield from _sqlites_own(connection)
    for find in (_altered_code, _altered_prms, _altered_datasets, _gaps):
        try:
            yield from find(connection)
        # Of a value that no lemur wrote.
        except DECODING_ERRORS as error:
            yield f"a value cannot be read: {type(error).__name__}: {error}"


def _sqlites_own(connection: Connection) -> Iterator[str]:
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield line
    for table, row, other, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} refers to a row of {other} that is not there"


def _altered_code(connection: Connection) -> Iterator[str]:
    for row in connection.execute(select(schema.code)):
        # Characters that no database takes are escaped in the text, and not in what was hashed.
        if code_hash(row.text) != row.hash and "\\" not in row.text:
            names = "".join(f", {name}" for name in _names_of(connection, row.hash))
            yield f"code {row.hash[:12]}{names} is not what its hash says"


def _names_of(connection: Connection, identity: str) -> Iterator[str]:
    for table in CODE_TABLES:
        query = select(table.c.name).where(table.c.hash == identity).order_by(table.c.id)
        for name in connection.scalars(query):
            yield f"{table.name} {name!r}"


def _altered_prms(connection: Connection) -> Iterator[str]:
    prm, trial = schema.prm.c, schema.trial.c
    found: dict[str, dict[str, Any]] = {}
    for uid, name, value in connection.execute(select(prm.uid, prm.name, prm.value)):
        found.setdefault(uid, {})[name] = value
    for uid, values in found.items():
        if prm_uid(values) != uid and not any("\\" in name for name in values):
            yield f"hyperparameters {uid} are not what their uid says"
    for uid in connection.scalars(select(trial.prm).distinct()):
        if uid not in found and uid != prm_uid({}):
            yield f"hyperparameters {uid} of a trial are not there"


def _altered_datasets(connection: Connection) -> Iterator[str]:
    dataset = schema.dataset.c
    query = select(dataset.fingerprint, dataset.folder, dataset.class_names, dataset.parts)
    for fingerprint, *texts in connection.execute(query):
        try:
            is_whole = DatasetRecord.from_texts(*texts).fingerprint == fingerprint
        except (ValueError, TypeError, AttributeError):
            is_whole = False
        if not is_whole:
            yield f"data set {fingerprint} is not what its fingerprint says"


def _gaps(connection: Connection) -> Iterator[str]:
    trial, stat = schema.trial.c, schema.stat.c
    counted = (
        select(trial.uid, trial.epochs, func.count(stat.epoch), func.max(stat.epoch))
        .join_from(schema.trial, schema.stat, isouter=True)
        .where(trial.state == State.FINISHED)
        # How many epochs another's training has is planned only.
        .where(trial.recipe.is_distinct_from(ELSEWHERE))
        .group_by(trial.id)
    )
    for uid, asked, count, last in connection.execute(counted):
        if count != asked or last != asked:
            yield f"trial {uid} is finished and has {count} epochs; {asked} were asked for"
