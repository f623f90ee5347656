"""Read the tables of an SQLite file that someone else wrote without running anything in it.

A view, a virtual table or a computed column runs code of whoever wrote the file, and a damaged
page tree may yield rows endlessly.
"""

from __future__ import annotations

import sqlite3
import stat
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.kinds.importer import Fault
from lemur_core.store.sqlite_file import connect_to_read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

MOST_ROWS = 50_000_000
"""Maximum number of rows of a table; a table with more is damaged or not LEMUR's."""
LONGEST_S = 300.0
"""Maximum time for SQLite to return the next rows of a table, in seconds."""
LARGEST_VALUE = 64 * 2**20
"""Maximum size of a value, in bytes."""
_ROWS_AT_ONCE = 1_000
# Number of instructions of SQLite's virtual machine between two checks of the time.
_CHECK_INTERVAL = 100_000
_MAX_DAMAGE_LINES = 5
_SETTINGS = (
    "trusted_schema = OFF", "cell_size_check = ON", "ignore_check_constraints = ON",
    "query_only = ON", "mmap_size = 0",
)  # fmt: skip
# Messages of `PRAGMA quick_check` about values, which do not mean that pages are damaged.
_VALUE_MESSAGES = ("NULL value in ", "non-")
_ALLOWED_ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION}


class ForeignFile:
    """An SQLite file opened for reading; created by `open_foreign`.

    Attributes:
        types: Declared type of each column, by table, of the tables that may be read.
        faults: Why other requested tables cannot be read.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path, tables: Collection[str]) -> None:
        self._connection, self._file = connection, file
        self._until = 0.0
        self.types: dict[str, dict[str, str]] = {}
        self.faults: list[Fault] = []
        connection.set_progress_handler(self._is_late, _CHECK_INTERVAL)
        existing = self._existing(tables)
        for table in tables:
            if table in existing:
                self._examine(table, *existing[table])
        # From here on, only these columns of these tables can be read.
        connection.set_authorizer(self._authorize)

    @property
    def columns(self) -> dict[str, set[str]]:
        """The columns of each table that may be read."""
        return {table: set(types) for table, types in self.types.items()}

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query.

        Raises:
            SettingsError: There are too many rows, or reading takes too long.
            sqlite3.Error: The file is damaged.
        """
        cursor = self._timed(lambda: self._connection.execute(query))
        count = 0
        while chunk := self._timed(lambda: cursor.fetchmany(_ROWS_AT_ONCE)):
            count += len(chunk)
            if count > MOST_ROWS:
                raise SettingsError(f"{self._file}: has more than {MOST_ROWS:,} rows in a table")
            yield from chunk

    def _timed(self, read: Any) -> Any:
        self._until = time.monotonic() + LONGEST_S
        try:
            return read()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise SettingsError(
                    f"{self._file}: takes longer to read than {LONGEST_S:.0f} s"
                ) from None
            raise

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _existing(self, tables: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return the type and the root page of each table or view with one of these names."""
        query = "SELECT name, type, rootpage FROM sqlite_master WHERE type IN ('table', 'view')"
        rows = self._timed(lambda: self._connection.execute(query).fetchmany(10_000))
        return {name: (kind, page) for name, kind, page in rows if name in tables}

    def _examine(self, table: str, kind: str, page: int) -> None:
        """Accept a table if it may be read; otherwise add faults that say why not."""
        if kind != "table" or not page:
            description = "a view" if kind == "view" else "a virtual table"
            self._add_fault(table, f"is {description}; only tables are read")
            return
        columns = self._timed(
            lambda: self._connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
        )
        if computed := [column[1] for column in columns if column[6]]:
            self._add_fault(table, f"column {computed[0]!r} is computed; only values are read")
            return
        damage = self._damage(table)
        for line in damage[:_MAX_DAMAGE_LINES]:
            self._add_fault(table, f"is damaged: {line.splitlines()[-1]}")
        if not damage:
            self.types[table] = {column[1]: column[2] for column in columns}

    def _damage(self, table: str) -> list[str]:
        """Return a line for each damage to the pages of a table."""
        query = f"PRAGMA quick_check({table})"
        try:
            lines = self._timed(lambda: self._connection.execute(query).fetchall())
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [line for (line,) in lines if line != "ok" and not line.startswith(_VALUE_MESSAGES)]

    def fault(self, table: str, reason: str) -> Fault:
        """Return a fault that names a table."""
        return Fault(f"{self._file}, table {table}", reason)

    def _add_fault(self, table: str, reason: str) -> None:
        self.faults.append(self.fault(table, reason))

    def _authorize(
        self, action: int, table: str | None, column: str | None, _: object, source: str | None
    ) -> int:
        is_ours = action == sqlite3.SQLITE_READ and table in self.types and source is None
        is_plain = action in _ALLOWED_ACTIONS or (action, column) == (
            sqlite3.SQLITE_FUNCTION,
            "typeof",
        )
        return sqlite3.SQLITE_OK if is_ours or is_plain else sqlite3.SQLITE_DENY


@contextmanager
def open_foreign(file: Path, tables: Collection[str]) -> Iterator[ForeignFile]:
    """Open an SQLite file that someone else wrote.

    Args:
        file: The file.
        tables: Names of the requested tables; they must not need quotes in SQL.

    Raises:
        SettingsError: It is not a regular file but, for example, a pipe or a device.
        sqlite3.Error: It is not a database, or it is damaged.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise SettingsError(f"{file}: is not a regular file")
    with closing(connect_to_read(file)) as connection:
        connection.isolation_level = None
        connection.text_factory = lambda text: text.decode(errors="backslashreplace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        # Read a consistent snapshot even if another process writes to the file.
        connection.execute("BEGIN")
        yield ForeignFile(connection, file, tables)
