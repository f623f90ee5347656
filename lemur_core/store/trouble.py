"""Translate database errors to one line, and classify them as transient or permanent."""

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

_SQLITE_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
# Anything written to a file with such an error would be lost.
_SQLITE_LOSS = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY}
# Classes of SQLSTATE: connection exception, transaction rollback (deadlock, serialisation),
# insufficient resources, object not in the required state, operator intervention, system error.
_SQLSTATE_TRANSIENT = {"08", "40", "53", "55", "57", "58"}


class AwayError(StoreError):
    """The database could not be reached or written within the time allowed."""


class LostError(AwayError):
    """The database's file was removed, replaced or damaged while it was in use.

    Attributes:
        is_elsewhere: Whether the open file is intact, but no longer the file at its path.
    """

    def __init__(self, message: str, *, is_elsewhere: bool = False) -> None:
        super().__init__(message)
        self.is_elsewhere = is_elsewhere


@contextmanager
def store_errors(where: object, *but: type[SQLAlchemyError]) -> Iterator[None]:
    """Convert database errors, except those of types ``but``, to a `StoreError` with the place."""
    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, but):
            raise
        raise StoreError(describe_error(where, error)) from error


def describe_error(where: object, error: SQLAlchemyError) -> str:
    """Return one line with the database, the cause of an error and advice."""
    cause = str(getattr(error, "orig", None) or error).partition("\n")[0]
    # The driver may quote the connection string, including the password.
    cause = redact(cause, secrets_of(_rendered(where)))
    return f"database {place(where)}: {cause}{_advice(cause)}"


def place(where: object) -> str:
    """Return the URL of a database without its password, or the path of an SQLite file."""
    url = where.url if isinstance(where, Engine) else where
    if not isinstance(url, URL):
        return without_password(str(url))
    file = url.database if url.drivername.partition("+")[0] == "sqlite" else None
    return without_password(file or url.render_as_string(hide_password=True))


def _rendered(where: object) -> str:
    url = where.url if isinstance(where, Engine) else where
    return url.render_as_string(hide_password=False) if isinstance(url, URL) else str(url)


def is_transient(error: DBAPIError) -> bool:
    """Return whether an error may disappear on its own, or once space is freed."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary result code; the other bytes extend it.
        return getattr(cause, "sqlite_errorcode", -1) & 0xFF in _SQLITE_TRANSIENT
    if error.connection_invalidated:
        return True
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state:
        return state[:2] in _SQLSTATE_TRANSIENT
    # There is no SQLSTATE if the server cannot be reached.
    return isinstance(error, OperationalError | InterfaceError)


def is_loss(error: DBAPIError) -> bool:
    """Return whether an SQLite file is damaged or has become read-only."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _SQLITE_LOSS


def _advice(cause: str) -> str:
    if "readonly" in cause:
        return "; make it writable, or name another with --db"
    if "disk is full" in cause:
        return "; make room: what is recorded so far is safe"
    return ""
