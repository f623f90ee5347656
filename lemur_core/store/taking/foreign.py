"""An SQLite file that someone else wrote: its tables are read, and nothing in it is run.

A view, a virtual table or a computed column is code of whoever wrote the file, and a damaged tree
of pages may have rows without end.
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
"""Rows of a table that are read; a table with more is damaged, or not LEMUR's."""
LONGEST_S = 300.0
"""Seconds that SQLite may take until it gives the next rows of a table."""
LARGEST_VALUE = 64 * 2**20
"""Bytes of a value that is read."""
_AT_ONCE = 1_000
# Of SQLite's virtual machine: how often the clock is looked at.
_INSTRUCTIONS = 100_000
_MOST_LINES = 5
_SETTINGS = (
    "trusted_schema = OFF", "cell_size_check = ON", "ignore_check_constraints = ON",
    "query_only = ON", "mmap_size = 0",
)  # fmt: skip
# What `PRAGMA quick_check` says of rows, and not of pages.
_OF_ROWS = ("NULL value in ", "non-")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION}


class ForeignFile:
    """An SQLite file, open to be read; `open_foreign` makes one.

    Attributes:
        types: The declared type of each column, by table, of the tables that may be read.
        faults: Why others of the tables that were asked for cannot be.
    """

    def __init__(self, connection: sqlite3.Connection, file: Path, tables: Collection[str]) -> None:
        self._connection, self._file = connection, file
        self._until = 0.0
        self.types: dict[str, dict[str, str]] = {}
        self.faults: list[Fault] = []
        connection.set_progress_handler(self._is_late, _INSTRUCTIONS)
        found = self._found(tables)
        for table in tables:
            if table in found:
                self._look_at(table, *found[table])
        # From here on: nothing but these columns of these tables.
        connection.set_authorizer(self._authorize)

    @property
    def columns(self) -> dict[str, set[str]]:
        """The columns of each table that may be read."""
        return {table: set(types) for table, types in self.types.items()}

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query of the tables.

        Raises:
            SettingsError: There are too many, or they take too long.
            sqlite3.Error: The file is damaged.
        """
        cursor = self._timed(lambda: self._connection.execute(query))
        count = 0
        while some := self._timed(lambda: cursor.fetchmany(_AT_ONCE)):
            count += len(some)
            if count > MOST_ROWS:
                raise SettingsError(f"{self._file}: has more than {MOST_ROWS:,} rows in a table")
            yield from some

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

    def _found(self, tables: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return what has the names of tables: its type, and the page where it begins."""
        query = "SELECT name, type, rootpage FROM sqlite_master WHERE type IN ('table', 'view')"
        rows = self._timed(lambda: self._connection.execute(query).fetchmany(10_000))
        return {name: (kind, page) for name, kind, page in rows if name in tables}

    def _look_at(self, table: str, kind: str, page: int) -> None:
        """Take a table for one that may be read, or say why it is none."""
        if kind != "table" or not page:
            what = "a view" if kind == "view" else "a virtual table"
            self._add_fault(table, f"is {what}; only tables are read")
            return
        columns = self._timed(
            lambda: self._connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
        )
        if computed := [column[1] for column in columns if column[6]]:
            self._add_fault(table, f"column {computed[0]!r} is computed; only values are read")
            return
        damage = self._damage(table)
        for line in damage[:_MOST_LINES]:
            self._add_fault(table, f"is damaged: {line.splitlines()[-1]}")
        if not damage:
            self.types[table] = {column[1]: column[2] for column in columns}

    def _damage(self, table: str) -> list[str]:
        """Return what is wrong with the pages of a table."""
        query = f"PRAGMA quick_check({table})"
        try:
            lines = self._timed(lambda: self._connection.execute(query).fetchall())
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [line for (line,) in lines if line != "ok" and not line.startswith(_OF_ROWS)]

    def fault(self, table: str, reason: str) -> Fault:
        """Return a fault of a table."""
        return Fault(f"{self._file}, table {table}", reason)

    def _add_fault(self, table: str, reason: str) -> None:
        self.faults.append(self.fault(table, reason))

    def _authorize(
        self, action: int, table: str | None, column: str | None, _: object, source: str | None
    ) -> int:
        is_ours = action == sqlite3.SQLITE_READ and table in self.types and source is None
        is_plain = action in _ALLOWED or (action, column) == (sqlite3.SQLITE_FUNCTION, "typeof")
        return sqlite3.SQLITE_OK if is_ours or is_plain else sqlite3.SQLITE_DENY


@contextmanager
def open_foreign(file: Path, tables: Collection[str]) -> Iterator[ForeignFile]:
    """Open an SQLite file that someone else wrote.

    Args:
        file: The file.
        tables: Names of the tables that are asked for; identifiers, none of which needs quotes.

    Raises:
        SettingsError: It is no file: a pipe or a device.
        sqlite3.Error: It is no database, or damaged.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise SettingsError(f"{file}: is no file")
    with closing(connect_to_read(file)) as connection:
        connection.isolation_level = None
        connection.text_factory = lambda text: text.decode(errors="backslashreplace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        # Of one moment, whoever writes to it.
        connection.execute("BEGIN")
        yield ForeignFile(connection, file, tables)
