"""Statements that both SQLite and PostgreSQL execute, in the form that each of them takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, CursorResult, Dialect, Select, Table
    from sqlalchemy.sql.dml import Insert
    from sqlalchemy.sql.expression import ClauseElement

# Fewer than a statement may have parameters.
_AT_ONCE = 10_000


def insert_once(dialect: Dialect, table: Table) -> Any:
    """Return an insertion that leaves a row alone which is there already.

    The result's ``rowcount`` is the number of rows that were not there.
    """
    insert: Any = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement: Insert = insert(table).on_conflict_do_nothing()
    # Of several rows a PostgreSQL driver counts none otherwise.
    return statement.execution_options(preserve_rowcount=True)


def where_in(
    query: Select[Any], column: Column[Any], values: Sequence[Any]
) -> Iterator[Select[Any]]:
    """Yield the query for so many of a column's values at a time; once at least."""
    for start in range(0, max(1, len(values)), _AT_ONCE):
        yield query.where(column.in_(values[start : start + _AT_ONCE]))


class Compiled:
    """A statement that is spared SQLAlchemy's compilation, cache and all, at each execution.

    Its values are handed to the driver as they are. An insertion has a value for each of the
    columns that are named, in the order of the table's.
    """

    def __init__(
        self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None = None
    ) -> None:
        # By position with every driver: rows are tuples sooner than dictionaries.
        style = dialect.paramstyle if dialect.positional else "format"
        made: Any = type(dialect)
        compiled: Any = statement.compile(dialect=made(paramstyle=style), column_keys=columns)
        self._text = str(compiled)
        self._order: list[str] = compiled.positiontup
        assert columns is None or self._order == list(columns)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it with these values, by name."""
        return connection.exec_driver_sql(self._text, tuple(map(values.get, self._order)))

    def execute_ordered(self, connection: Connection, values: Sequence[Any]) -> CursorResult[Any]:
        """Execute it with these values, in the order of its columns."""
        return connection.exec_driver_sql(self._text, tuple(values))

    def execute_many(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Execute it for each row; return how many rows of the database that changed."""
        parameters: Any = rows
        return connection.exec_driver_sql(self._text, parameters).rowcount
