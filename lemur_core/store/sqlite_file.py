"""Open the file of an SQLite database, and check that it is still the file at its path.

SQLite continues to write to a file that was removed, moved or replaced, without reporting an error.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from lemur_core.errors import StoreError
from lemur_core.store.trouble import LostError

_KEY = "lemur's file"


class SQLiteFile:
    """The file of an engine's database.

    Args:
        path: Path of the file.
        shown: The path as it is shown in errors.
        create: Whether to create the file if it does not exist.
    """

    def __init__(self, path: Path, shown: str, *, create: bool) -> None:
        self._path, self._shown = path.absolute(), shown
        self._mode = "rwc" if create else "rw"
        self._identity: _Identity | None = None
        self._has_content = False
        self._unlocked_state: tuple[os.stat_result, int] | None = None
        self._copies: list[TemporaryDirectory[str]] = []

    def attach(self, engine: Engine, *, connects: bool = True) -> None:
        """Make an engine check the file before and after each transaction.

        Args:
            engine: The engine.
            connects: Whether this object opens the connections instead of SQLAlchemy.
        """
        if connects:
            event.listen(engine, "do_connect", self._open_connection)
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "begin", self._on_begin)
        event.listen(engine, "commit", self._on_commit)

    def check(self) -> None:
        """Check that the opened file is still the file at its path.

        Raises:
            LostError: The file was removed, moved, replaced or emptied.
            StoreError: The file was read without locks and has been written to.
        """
        try:
            status = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise self._lost("was removed or moved", is_elsewhere=True) from None
        if _Identity.of(status) != self._identity:
            raise self._lost("was replaced by another file", is_elsewhere=True)
        if self._has_content and not status.st_size:
            raise self._lost("was emptied")
        self._has_content = status.st_size > 0
        if self._unlocked_state and not _is_unchanged(
            self._unlocked_state, self._modification_state()
        ):
            raise StoreError(
                f"database {self._shown}: was written to while it was read; run the command again"
            )

    def _lost(self, problem: str, *, is_elsewhere: bool = False) -> LostError:
        message = f"database {self._shown}: {problem} while it was in use"
        return LostError(message, is_elsewhere=is_elsewhere)

    def _open_connection(self, _: Any, __: Any, arguments: Any, options: Any) -> sqlite3.Connection:
        if self._identity is not None:
            # A further connection must open the same file, and must not create one.
            self.check()
        if self._mode == "rwc" or os.access(self._path.parent, os.W_OK):
            return _open(self._path, f"mode={self._mode}", options)
        return self._open_read_only(options)

    def _open_read_only(self, options: Any) -> sqlite3.Connection:
        """Open a file in a folder that is read-only, so that SQLite may be unable to lock it."""
        if connection := _open_with_locks(self._path, options):
            return connection
        self._unlocked_state = self._modification_state()
        if not self._unlocked_state[1]:
            # Without locks; `check` raises an error if another process writes to it.
            return _open(self._path, "immutable=1", options)
        return _open(self._copy_to_read(), "mode=rw", options)

    def _copy_to_read(self) -> Path:
        folder = TemporaryDirectory(prefix="lemur-")
        # The folder is removed together with this object.
        self._copies.append(folder)
        return _copy_database(self._path, Path(folder.name))

    def _modification_state(self) -> tuple[os.stat_result, int]:
        """Return file attributes that change whenever the database is written to."""
        return self._path.stat(), _log_size(self._path)

    def _on_connect(self, _: Any, record: Any) -> None:
        record.info[_KEY] = self
        if self._identity is None:
            status = self._path.stat()
            self._identity, self._has_content = _Identity.of(status), status.st_size > 0

    def _on_begin(self, _: Connection) -> None:
        self.check()

    def _on_commit(self, connection: Connection) -> None:
        self.check()
        # Only after a write: the log of other processes may exist and is removed when they end.
        if getattr(connection.connection.driver_connection, "in_transaction", False):
            self._check_log(connection.info)

    def _check_log(self, info: dict[str, Any]) -> None:
        """Check that the write-ahead log is the one that the connection wrote to before."""
        identity = None
        with suppress(FileNotFoundError):
            identity = _Identity.of(os.stat(f"{self._path}-wal"))
        if info.setdefault(f"{_KEY}-wal", identity) != identity:
            raise self._lost(f"had its write-ahead log {self._shown}-wal removed or replaced")


def check_file(connection: Connection) -> None:
    """Check that the file of a connection's database is still the file at its path.

    Raises:
        LostError: The file was removed, moved, replaced or emptied.
    """
    file = connection.info.get(_KEY)
    if file is not None:
        file.check()


def connect_to_read(file: Path) -> sqlite3.Connection:
    """Return a connection for reading a file, which may be in a read-only folder."""
    path = file.absolute()
    if connection := _open_with_locks(path, {}):
        return connection
    if not _log_size(path):
        return _open(path, "immutable=1", {})
    with TemporaryDirectory(prefix="lemur-", ignore_cleanup_errors=True) as folder:
        connection = _open(_copy_database(path, Path(folder)), "mode=rw", {})
        # After a read, the connection holds all files open, and the folder can be removed.
        _read_schema(connection)
    return connection


def part_from_log(engine: Engine) -> None:
    """Checkpoint the write-ahead log into the open file, although it is no longer at its path.

    Otherwise SQLite would apply the log to the next database created at the path and corrupt it.
    """
    with (
        suppress(DBAPIError, sqlite3.Error, StoreError),
        closing(engine.raw_connection()) as connection,
    ):
        connection.rollback()
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


class _Identity(NamedTuple):
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Identity:
        return cls(status.st_dev, status.st_ino)


def _copy_database(path: Path, folder: Path) -> Path:
    """Copy a database and its log; to read the log, SQLite must write an index beside it."""
    copy = folder / "copy.db"
    shutil.copyfile(path, copy)
    shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    return copy


def _log_size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return os.stat(f"{path}-wal").st_size
    return 0


def _open_with_locks(path: Path, options: dict[str, Any]) -> sqlite3.Connection | None:
    """Return a read-only connection, or None if SQLite cannot create the file for its locks."""
    connection = _open(path, "mode=ro", options)
    try:
        _read_schema(connection)
        return connection
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN:
            raise
        return None


def _read_schema(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1 FROM sqlite_master").close()


def _open(path: Path, mode: str, options: dict[str, Any]) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, **options)
    return connection


def _is_unchanged(before: tuple[os.stat_result, int], after: tuple[os.stat_result, int]) -> bool:
    (status, log), (later, later_log) = before, after
    return (status.st_mtime_ns, status.st_size, log) == (
        later.st_mtime_ns,
        later.st_size,
        later_log,
    )
