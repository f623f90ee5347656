"""Open a database of results, and say in one line what is wrong with one that cannot be opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from lemur_core.errors import StoreError
from lemur_core.store.patience import WAIT_FOR_LOCK_S
from lemur_core.store.tables import check_tables
from lemur_core.store.trouble import place, store_errors

__all__ = [
    "DEFAULT_DB",
    "beside",
    "open_database",
    "opened",
    "place",
    "reach",
    "settle",
    "sqlite_file",
    "store_errors",
]

DEFAULT_DB = "lemur.db"
_DIALECTS = ("sqlite", "postgresql")
# Of a server behind a firewall that swallows packets nothing is heard, not even an error.
_SERVER_OPTIONS = {"connect_timeout": 5, "tcp_user_timeout": 30_000}


def open_database(db: str | Path = DEFAULT_DB, *, create: bool = True) -> Engine:
    """Return an engine on a database of results.

    Args:
        db: A URL, ``postgresql://...`` say, or the path of an SQLite file.
        create: Make the database or its tables where they are not there yet.

    Raises:
        NewerDatabaseError: A newer lemur wrote it.
        StoreError: It cannot be opened, or is not lemur's.
    """
    engine = reach(db, create=create)
    try:
        with store_errors(engine):
            check_tables(engine, create)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextmanager
def opened(db: str | Path = DEFAULT_DB, *, create: bool = False) -> Iterator[Engine]:
    """Open a database of results, and close it after use, as `open_database` says."""
    engine = open_database(db, create=create)
    try:
        with store_errors(engine):
            yield engine
    finally:
        engine.dispose()


def reach(db: str | Path, *, create: bool = False) -> Engine:
    """Return an engine on a database, whatever is in it.

    Args:
        db: A URL, or the path of an SQLite file.
        create: Whether the file may be one that is not there.

    Raises:
        StoreError: There is no such file, or no driver for it.
    """
    url = _url(db)
    _check_file(url, create)
    engine = _engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
    return engine


def beside(db: str, name: str) -> Path:
    """Return the folder for what is kept beside a database, a server's in the working directory.

    Args:
        db: Where the database is, as `place` says it.
        name: What is kept, ``weights`` say.
    """
    return Path(f"{db}-{name}" if Path(db).is_file() else f"lemur-{name}")


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None of one in memory, and of a server's."""
    name = url.database or ":memory:"
    if url.drivername.partition("+")[0] != "sqlite" or name.startswith(":memory:"):
        return None
    if name.startswith("file:"):
        name = name.removeprefix("file:").partition("?")[0]
        return Path(name) if "memory" not in url.query.values() else None
    return Path(name)


def settle(engine: Engine) -> None:
    """Put on the disk what is committed; a write-ahead log alone may lose it with the power."""
    file = sqlite_file(engine.url) if engine.dialect.name == "sqlite" else None
    if file is None:
        return
    with suppress(OSError):
        handle = os.open(f"{file}-wal", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _url(db: str | Path) -> URL:
    text = str(db)
    try:
        url = make_url(text if "://" in text else f"sqlite:///{text}")
    except ArgumentError:
        raise StoreError(
            f"database {text!r}: expected a file, or a URL such as sqlite:///lemur.db"
        ) from None
    # Which driver SQLAlchemy takes by itself depends on its version.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, connect_args=_connect_args(url))
    except ArgumentError as error:
        raise StoreError(f"database {place(url)}: {error}") from None
    except ImportError as error:
        raise StoreError(
            f"database {place(url)}: its driver cannot be imported ({error}); "
            "install it, lemur-core[postgresql] for PostgreSQL"
        ) from None
    if engine.dialect.name not in _DIALECTS:
        raise StoreError(f"database {place(url)}: expected SQLite or PostgreSQL")
    return engine


def _check_file(url: URL, create: bool) -> None:
    # SQLite itself says no more than "unable to open database file".
    file = sqlite_file(url)
    if file is None or str(url.database).startswith("file:"):
        return
    if file.is_dir():
        raise StoreError(f"database {file}: is a directory; expected a file, {file}/lemur.db say")
    if not file.parent.is_dir():
        raise StoreError(f"database {file}: there is no directory {file.parent}")
    if not create and not file.exists():
        raise StoreError(f"database {file}: there is no such file; lemur run writes one")


def _connect_args(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": WAIT_FOR_LOCK_S}
    if "psycopg" not in url.drivername:
        return {}
    return {name: value for name, value in _SERVER_OPTIONS.items() if name not in url.query}


def _set_pragmas(connection: Any, _: object) -> None:
    # A reader must be able to open a file that it may not write, where WAL cannot be switched on.
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    # In pages: many results at once go to the disk twice as soon.
    cursor.execute("PRAGMA wal_autocheckpoint = 8000")
    cursor.close()
