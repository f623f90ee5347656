"""Open databases of results; errors say in one line why a database cannot be opened."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from lemur_core.errors import StoreError
from lemur_core.passwords import is_like_url, password_of, without_password
from lemur_core.store.location import file_path, is_url
from lemur_core.store.patience import WAIT_FOR_LOCK_S
from lemur_core.store.sqlite_file import SQLiteFile
from lemur_core.store.tables import check_tables
from lemur_core.store.trouble import place, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DEFAULT_DB",
    "check_lasting",
    "folder_beside",
    "open_database",
    "open_engine",
    "place",
    "sqlite_file",
    "store_errors",
    "sync_to_disk",
    "unchecked_engine",
]

DEFAULT_DB = "lemur.db"
_CHECKPOINT_ATTEMPTS, _CHECKPOINT_PAUSE_S = 5, 0.02
_DIALECTS = ("sqlite", "postgresql")
_IN_MEMORY = ":memory:"
# Options that SQLAlchemy passes on for a URL without uri=true; it ignores all others.
_SQLITE_OPTIONS = {
    "cached_statements", "check_same_thread", "detect_types", "isolation_level", "timeout", "uri",
}  # fmt: skip
# Without timeouts, a connection would hang at a firewall that drops packets.
_SERVER_OPTIONS = {"connect_timeout": 5, "tcp_user_timeout": 30_000}


def open_database(db: str | Path = DEFAULT_DB, *, create: bool = True) -> Engine:
    """Return an engine for a database of results.

    Args:
        db: The path of an SQLite file, or a URL such as ``postgresql://me@host/results``. A path
            is taken literally, ``?``, ``#`` and ``%`` included; a leading ``~`` is the home
            directory.
        create: Whether to create the database and its tables if they do not exist.

    Raises:
        NewerDatabaseError: The database was written by a newer version of lemur.
        StoreError: The database cannot be opened, was not written by lemur, or would be created in
            memory.
    """
    if create:
        check_lasting(db)
    engine = unchecked_engine(db, create=create)
    try:
        with store_errors(engine):
            check_tables(engine, create)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextmanager
def open_engine(db: str | Path = DEFAULT_DB, *, create: bool = False) -> Iterator[Engine]:
    """Open a database of results as `open_database` does, and close it after use."""
    engine = open_database(db, create=create)
    try:
        with store_errors(engine):
            yield engine
    finally:
        engine.dispose()


def unchecked_engine(db: str | Path, *, create: bool = False) -> Engine:
    """Return an engine for a database without checking its content.

    Args:
        db: The path of an SQLite file, or a URL.
        create: Whether to accept a file that does not exist.

    Raises:
        StoreError: The file does not exist, or its driver is missing.
    """
    url = _url(db)
    _check_file(url, create)
    engine = _engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        if (path := sqlite_file(url)) is not None:
            file = SQLiteFile(path, place(url), create=create)
            file.attach(engine, connects=not _is_uri(url))
    return engine


def check_lasting(db: str | Path) -> None:
    """Check that a database outlives the process.

    Raises:
        StoreError: The database is in memory, or ``db`` is invalid.
    """
    url = _url(db)
    if _is_sqlite(url) and not url.host and sqlite_file(url) is None:
        raise StoreError(
            f"database {str(db)!r}: is in memory, and lost when the command ends; expected a file"
        )


def folder_beside(engine: Engine, name: str) -> Path:
    """Return the folder for files that belong to a database.

    It is beside the file of the database, or in the working directory if the database is on a
    server.

    Args:
        engine: The database.
        name: What the folder contains, for example ``weights``.
    """
    file = sqlite_file(engine.url)
    return Path(f"{file}-{name}" if file else f"lemur-{name}")


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None if it is in memory or on a server."""
    name = url.database or _IN_MEMORY
    if not _is_sqlite(url) or name == _IN_MEMORY:
        return None
    if not _is_uri(url):
        return Path(name)
    file = unquote(name.removeprefix("file:").partition("?")[0])
    in_memory = file == _IN_MEMORY or url.query.get("mode") == "memory"
    return None if in_memory else Path(file)


def sync_to_disk(engine: Engine) -> None:
    """Sync committed transactions to disk, moving them from the write-ahead log if possible.

    A power failure can lose a write-ahead log that is not synced, and a copy of the database file
    does not include the log.
    """
    file = sqlite_file(engine.url)
    if file is None:
        return
    with suppress(DBAPIError):
        if _is_checkpointed(engine):
            return
    with suppress(OSError):
        handle = os.open(f"{file}-wal", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_checkpointed(engine: Engine) -> bool:
    """Checkpoint the write-ahead log; return whether all of it is in the database file."""
    for attempt in range(_CHECKPOINT_ATTEMPTS):
        if attempt:
            # Another campaign is checkpointing, possibly without the latest transactions.
            time.sleep(_CHECKPOINT_PAUSE_S)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # PASSIVE neither waits for other connections nor blocks them.
            query = "PRAGMA wal_checkpoint(PASSIVE)"
            busy, pages, copied = connection.exec_driver_sql(query).one()
        if not busy:
            return bool(pages == copied)
    return False


def _url(db: str | Path) -> URL:
    if not is_url(db):
        return _file_url(db)
    text = str(db)
    try:
        url = make_url(text)
    # A port that is not a number is a ValueError.
    except (ArgumentError, ValueError):
        raise StoreError(
            f"database {without_password(text)!r}: expected a file, or a URL such as "
            "sqlite:///lemur.db"
        ) from None
    _check_user(text, url)
    if url.port is not None and not 0 < url.port < 2**16:
        raise StoreError(
            f"database {without_password(text)!r}: port {url.port}: expected 1 to 65535"
        )
    if _is_sqlite(url) and not _is_uri(url):
        _check_query(text, url)
    # The default driver depends on the version of SQLAlchemy.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _file_url(db: str | Path) -> URL:
    path = file_path(db)
    # A mistyped URL is treated as a path.
    shown = without_password(path)
    if path == _IN_MEMORY:
        raise StoreError(
            "database ':memory:': would be lost when the command ends; expected a file, "
            "./:memory: for one of this name"
        )
    if not path or "\0" in path:
        raise StoreError(f"database {shown!r}: expected the path of a file, or a URL")
    if is_like_url(path) and not os.path.lexists(path):
        raise StoreError(
            f"database {shown!r}: expected a URL such as postgresql://me@host/results; put ./ "
            "before the path of a file"
        )
    if path.endswith("/"):
        raise StoreError(
            f"database {shown}: is a directory; expected a file, for example {shown}lemur.db"
        )
    # The text of a URL would give ?, # and % a special meaning.
    return URL.create("sqlite", database=path)


def _check_user(text: str, url: URL) -> None:
    # SQLAlchemy interprets an unescaped @, / or ? in a password as a delimiter.
    password = password_of(text)
    if ":" in password and unquote(password.removeprefix(":")) != (url.password or ""):
        raise StoreError(
            f"database {without_password(text)!r}: expected one @, before the host; write %40 for "
            "an @, %2F for a / and %3F for a ? in the user, password or options"
        )


def _check_query(text: str, url: URL) -> None:
    unknown = sorted(set(url.query) - _SQLITE_OPTIONS)
    if unknown:
        raise StoreError(
            f"database {without_password(text)!r}: SQLite has no option {unknown[0]!r}; if the ? "
            f"is part of the file's name, give its path without sqlite:///"
        )


def _is_sqlite(url: URL) -> bool:
    return url.drivername.partition("+")[0] == "sqlite"


def _is_uri(url: URL) -> bool:
    return str(url.query.get("uri", "")).lower() in ("true", "1", "yes", "on", "t", "y")


def _engine(url: URL) -> Engine:
    try:
        engine = create_engine(url, connect_args=_connect_args(url))
    except NoSuchModuleError:
        raise StoreError(
            f"database {place(url)}: expected a URL that begins with sqlite:/// or postgresql://; "
            "put ./ before the path of a file"
        ) from None
    except ArgumentError as error:
        expected = "expected sqlite:/// and a path, or the path alone"
        raise StoreError(
            f"database {place(url)}: {expected if _is_sqlite(url) else error}"
        ) from None
    except ImportError as error:
        raise StoreError(
            f"database {place(url)}: its driver cannot be imported ({error}); "
            "install it, lemur-core[postgresql] for PostgreSQL"
        ) from None
    if engine.dialect.name not in _DIALECTS:
        raise StoreError(f"database {place(url)}: expected SQLite or PostgreSQL")
    return engine


def _check_file(url: URL, create: bool) -> None:
    # SQLite only reports "unable to open database file".
    file = sqlite_file(url)
    if file is None or _is_uri(url):
        return
    shown = place(url)
    if file.is_dir():
        raise StoreError(
            f"database {shown}: is a directory; expected a file, for example {shown}/lemur.db"
        )
    if not file.parent.is_dir():
        raise StoreError(f"database {shown}: there is no directory {Path(shown).parent}")
    if not create and not file.exists():
        raise StoreError(f"database {shown}: there is no such file; lemur run writes one")
    if create and not os.access(file.parent, os.W_OK):
        raise StoreError(
            f"database {shown}: folder {Path(shown).parent} cannot be written; make it writable, "
            "or name another with --db"
        )


def _connect_args(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": WAIT_FOR_LOCK_S}
    if "psycopg" not in url.drivername:
        return {}
    return {name: value for name, value in _SERVER_OPTIONS.items() if name not in url.query}


def _set_pragmas(connection: Any, _: object) -> None:
    # WAL is not enabled here: readers must be able to open a read-only file, where it cannot be.
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # Views and triggers in a foreign file may only call harmless functions.
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.execute("PRAGMA cell_size_check = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    # Pages; writing many results at once is twice as fast.
    cursor.execute("PRAGMA wal_autocheckpoint = 8000")
    cursor.close()
