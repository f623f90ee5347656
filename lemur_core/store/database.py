"""Open a database of results, and say in one line what is wrong with one that cannot be opened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from lemur_core.errors import NewerDatabaseError, StoreError
from lemur_core.store import schema

DEFAULT_DB = "lemur.db"
_WAIT_FOR_LOCK_S = 30
_WAL_ATTEMPTS = 100


def open_database(db: str | Path = DEFAULT_DB, *, create: bool = True) -> Engine:
    """Return an engine on a database of results.

    Args:
        db: A URL, ``postgresql://...`` say, or the path of an SQLite file.
        create: Make the database or its tables where they are not there yet.

    Raises:
        NewerDatabaseError: A newer lemur wrote it.
        StoreError: It cannot be opened, or is not lemur's.
    """
    url = _url(db)
    _check_file(url, create)
    engine = _engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
    with store_errors(url):
        _check_tables(engine, create)
    return engine


@contextmanager
def store_errors(where: object, *but: type[SQLAlchemyError]) -> Iterator[None]:
    """Turn the database's errors, but some, into a `StoreError` that says where."""
    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, but):
            raise
        cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise StoreError(f"database {place(where)}: {cause}{_advice(cause)}") from error


def place(where: object) -> str:
    """Return a database's URL, or the path of an SQLite file, without its password."""
    url = where.url if isinstance(where, Engine) else where
    if not isinstance(url, URL):
        return str(url)
    file = url.database if url.drivername.partition("+")[0] == "sqlite" else None
    return file or url.render_as_string(hide_password=True)


def _url(db: str | Path) -> URL:
    text = str(db)
    try:
        return make_url(text if "://" in text else f"sqlite:///{text}")
    except ArgumentError:
        raise StoreError(
            f"database {text!r}: expected a file, or a URL such as sqlite:///lemur.db"
        ) from None


def _engine(url: URL) -> Engine:
    try:
        return create_engine(url, connect_args=_connect_args(url))
    except ArgumentError as error:
        raise StoreError(f"database {place(url)}: {error}") from None
    except ImportError as error:
        raise StoreError(
            f"database {place(url)}: its driver cannot be imported ({error}); "
            "install it, psycopg for PostgreSQL say"
        ) from None


def _check_file(url: URL, create: bool) -> None:
    # SQLite itself says no more than "unable to open database file".
    name = url.database or ":memory:"
    if url.drivername.partition("+")[0] != "sqlite" or name.startswith((":memory:", "file:")):
        return
    file = Path(name)
    if file.is_dir():
        raise StoreError(f"database {file}: is a directory; expected a file, {file}/lemur.db say")
    if not file.parent.is_dir():
        raise StoreError(f"database {file}: there is no directory {file.parent}")
    if not create and not file.exists():
        raise StoreError(f"database {file}: there is no such file; lemur run writes one")


def _connect_args(url: URL) -> dict[str, Any]:
    return {"timeout": _WAIT_FOR_LOCK_S} if url.get_backend_name() == "sqlite" else {}


def _set_pragmas(connection: Any, _: object) -> None:
    # A reader must be able to open a file that it may not write, where WAL cannot be switched on.
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _check_tables(engine: Engine, create: bool) -> None:
    tables = set(inspect(engine).get_table_names())
    if tables and schema.revision.name not in tables:
        raise StoreError(f"database {place(engine)}: holds tables, but none of lemur's")
    if not tables:
        if not create:
            raise StoreError(f"database {place(engine)}: is empty; lemur run fills it")
        _create(engine)
        return
    with engine.connect() as connection:
        found = connection.scalar(select(schema.revision.c.version_num))
    if found is not None and found > schema.REVISION:
        raise NewerDatabaseError(
            f"database {place(engine)}: was written by a newer lemur (schema {found}; "
            f"this one knows {schema.REVISION}); upgrade lemur-core, or name another --db"
        )


def _create(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            _create_tables(connection)
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _switch_on_wal(connection)
        # Another campaign may make the same tables at this moment; the second finds them made.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _create_tables(connection)
        connection.exec_driver_sql("COMMIT")


def _create_tables(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    if connection.scalar(select(schema.revision.c.version_num)) is None:
        connection.execute(schema.revision.insert().values(version_num=schema.REVISION))


def _switch_on_wal(connection: Connection) -> None:
    # SQLite does not wait for a lock here, as it does elsewhere.
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if "locked" not in str(error) or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.05)
        else:
            return


def _advice(cause: str) -> str:
    if "readonly" in cause:
        return "; make it writable, or name another with --db"
    if "disk is full" in cause:
        return "; make room: what is recorded so far is safe"
    return ""
