"""The file of an SQLite database: how it is opened, and whether it is still the one at its path.

SQLite goes on writing to a file that was removed, moved or replaced, and says nothing of it.
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
        path: The file.
        shown: How the path is shown.
        create: Whether the file is made if it is not there.
    """

    def __init__(self, path: Path, shown: str, *, create: bool) -> None:
        self._path, self._shown = path.absolute(), shown
        self._mode = "rwc" if create else "rw"
        self._identity: _Identity | None = None
        self._has_content = False
        self._unlocked: tuple[os.stat_result, int] | None = None
        self._copies: list[TemporaryDirectory[str]] = []

    def attach(self, engine: Engine, *, connects: bool = True) -> None:
        """Have an engine look at the file before and after each transaction.

        Args:
            engine: The engine.
            connects: Whether connections are opened here, and not by SQLAlchemy.
        """
        if connects:
            event.listen(engine, "do_connect", self._connect)
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "begin", self._begins)
        event.listen(engine, "commit", self._commits)

    def check(self) -> None:
        """Look whether the file that was opened is the one at its path.

        Raises:
            LostError: It was removed, moved, replaced or emptied.
        """
        try:
            found = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise self._lost("was removed or moved", is_elsewhere=True) from None
        if _Identity.of(found) != self._identity:
            raise self._lost("was replaced by another file", is_elsewhere=True)
        if self._has_content and not found.st_size:
            raise self._lost("was emptied")
        self._has_content = found.st_size > 0
        if self._unlocked and not _is_unchanged(self._unlocked, self._written()):
            raise StoreError(
                f"database {self._shown}: was written to while it was read; give the command again"
            )

    def _lost(self, what: str, *, is_elsewhere: bool = False) -> LostError:
        message = f"database {self._shown}: {what} while it was in use"
        return LostError(message, is_elsewhere=is_elsewhere)

    def _connect(self, _: Any, __: Any, arguments: Any, options: Any) -> sqlite3.Connection:
        if self._identity is not None:
            # A connection must not be to another file than those before it, nor make one.
            self.check()
        if self._mode == "rwc" or os.access(self._path.parent, os.W_OK):
            return _connected(self._path, f"mode={self._mode}", options)
        return self._read_only(options)

    def _read_only(self, options: Any) -> sqlite3.Connection:
        """Open a file in a folder where SQLite can make no file for its locks."""
        if connection := _connected_with_locks(self._path, options):
            return connection
        self._unlocked = self._written()
        if not self._unlocked[1]:
            # Without locks; `check` says if someone wrote to it meanwhile.
            return _connected(self._path, "immutable=1", options)
        return _connected(self._copied(), "mode=rw", options)

    def _copied(self) -> Path:
        folder = TemporaryDirectory(prefix="lemur-")
        # Removed when this object is.
        self._copies.append(folder)
        return _copied(self._path, Path(folder.name))

    def _written(self) -> tuple[os.stat_result, int]:
        """Return what changes whenever someone writes to the database."""
        return self._path.stat(), _log_size(self._path)

    def _connected(self, _: Any, record: Any) -> None:
        record.info[_KEY] = self
        if self._identity is None:
            found = self._path.stat()
            self._identity, self._has_content = _Identity.of(found), found.st_size > 0

    def _begins(self, _: Connection) -> None:
        self.check()

    def _commits(self, connection: Connection) -> None:
        self.check()
        # Not before it wrote: the log of others may be there, and be removed as they end.
        if getattr(connection.connection.driver_connection, "in_transaction", False):
            self._check_log(connection.info)

    def _check_log(self, info: dict[str, Any]) -> None:
        """Look whether the write-ahead log is the one that a connection wrote to before."""
        found = None
        with suppress(FileNotFoundError):
            found = _Identity.of(os.stat(f"{self._path}-wal"))
        if info.setdefault(f"{_KEY}-wal", found) != found:
            raise self._lost(f"had its write-ahead log {self._shown}-wal removed or replaced")


def check_file(connection: Connection) -> None:
    """Look whether the file of a connection's database is the one at its path.

    Raises:
        LostError: It was removed, moved, replaced or emptied.
    """
    file = connection.info.get(_KEY)
    if file is not None:
        file.check()


def connect_to_read(file: Path) -> sqlite3.Connection:
    """Return a connection to a file that is not written to, also in a read-only folder."""
    path = file.absolute()
    if connection := _connected_with_locks(path, {}):
        return connection
    if not _log_size(path):
        return _connected(path, "immutable=1", {})
    with TemporaryDirectory(prefix="lemur-", ignore_cleanup_errors=True) as folder:
        connection = _connected(_copied(path, Path(folder)), "mode=rw", {})
        # Once it has read, it holds all its files open.
        _read(connection)
    return connection


def part_from_log(engine: Engine) -> None:
    """Bring the write-ahead log into the file that is open, though it is no longer at its path.

    The log would be taken for that of the next file there, and its pages be mixed up with others.
    """
    with suppress(DBAPIError, sqlite3.Error, StoreError), closing(engine.raw_connection()) as made:
        made.rollback()
        made.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


class _Identity(NamedTuple):
    device: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> _Identity:
        return cls(found.st_dev, found.st_ino)


def _copied(path: Path, folder: Path) -> Path:
    """Copy a database and its log, which can only be read once SQLite can index it."""
    copy = folder / "copy.db"
    shutil.copyfile(path, copy)
    shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    return copy


def _log_size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return os.stat(f"{path}-wal").st_size
    return 0


def _connected_with_locks(path: Path, options: dict[str, Any]) -> sqlite3.Connection | None:
    """Return a connection that reads a file; None where SQLite can make no file for its locks."""
    connection = _connected(path, "mode=ro", options)
    try:
        _read(connection)
        return connection
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN:
            raise
        return None


def _read(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT 1 FROM sqlite_master").close()


def _connected(path: Path, mode: str, options: dict[str, Any]) -> sqlite3.Connection:
    made: sqlite3.Connection = sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, **options)
    return made


def _is_unchanged(before: tuple[os.stat_result, int], after: tuple[os.stat_result, int]) -> bool:
    (one, log), (other, later_log) = before, after
    return (one.st_mtime_ns, one.st_size, log) == (other.st_mtime_ns, other.st_size, later_log)
