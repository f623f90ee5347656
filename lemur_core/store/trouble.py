"""What a database's errors mean: where it happened, in one line, and whether it may pass."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from lemur_core.errors import StoreError
from lemur_core.passwords import redact, secrets_of, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator

_SQLITE_PASSES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
# Nothing that is written to such a file would be found again.
_SQLITE_LOSES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY}
# Connection lost, rolled back for another's sake, out of room, locked, shut down, system error.
_SQLSTATE_PASSES = {"08", "40", "53", "55", "57", "58"}


class AwayError(StoreError):
    """The database could not be reached or written for as long as was waited."""


class LostError(AwayError):
    """The database's file was removed, replaced or damaged while it was in use.

    Attributes:
        is_elsewhere: Whether the file that is open is whole, but not the one at its path.
    """

    def __init__(self, message: str, *, is_elsewhere: bool = False) -> None:
        super().__init__(message)
        self.is_elsewhere = is_elsewhere


@contextmanager
def store_errors(where: object, *but: type[SQLAlchemyError]) -> Iterator[None]:
    """Turn the database's errors, but some, into a `StoreError` that says where."""
    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, but):
            raise
        raise StoreError(said(where, error)) from error


def said(where: object, error: SQLAlchemyError) -> str:
    """Return in one line where an error happened, its cause and what to do."""
    cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
    # A server's driver may quote what it was given.
    cause = redact(cause, secrets_of(_rendered(where)))
    return f"database {place(where)}: {cause}{_advice(cause)}"


def place(where: object) -> str:
    """Return a database's URL, or the path of an SQLite file, without its password."""
    url = where.url if isinstance(where, Engine) else where
    if not isinstance(url, URL):
        return without_password(str(url))
    file = url.database if url.drivername.partition("+")[0] == "sqlite" else None
    return without_password(file or url.render_as_string(hide_password=True))


def _rendered(where: object) -> str:
    url = where.url if isinstance(where, Engine) else where
    return url.render_as_string(hide_password=False) if isinstance(url, URL) else str(url)


def is_transient(error: DBAPIError) -> bool:
    """Return whether what went wrong may pass by itself, or once someone made room."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        # The low byte is the error, the rest says more of it.
        return getattr(cause, "sqlite_errorcode", -1) & 0xFF in _SQLITE_PASSES
    if error.connection_invalidated:
        return True
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state:
        return state[:2] in _SQLSTATE_PASSES
    # A server that is not there has no SQLSTATE to give.
    return isinstance(error, OperationalError | InterfaceError)


def is_loss(error: DBAPIError) -> bool:
    """Return whether an SQLite file is damaged, or may not be written any more."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _SQLITE_LOSES


def _advice(cause: str) -> str:
    if "readonly" in cause:
        return "; make it writable, or name another with --db"
    if "disk is full" in cause:
        return "; make room: what is recorded so far is safe"
    return ""
