"""Statements for SQLite and PostgreSQL, in the dialect of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, CursorResult, Dialect, Select, Table
    from sqlalchemy.sql.dml import Insert
    from sqlalchemy.sql.expression import ClauseElement

# Below the maximum number of parameters of a statement.
_VALUES_PER_QUERY = 10_000


def insert_once(dialect: Dialect, table: Table) -> Any:
    """Return an insert statement that ignores rows that already exist.

    The result's ``rowcount`` is the number of rows inserted.
    """
    insert: Any = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement: Insert = insert(table).on_conflict_do_nothing()
    # Otherwise the PostgreSQL driver does not count the rows of a statement for several rows.
    return statement.execution_options(preserve_rowcount=True)


def where_in(
    query: Select[Any], column: Column[Any], values: Sequence[Any]
) -> Iterator[Select[Any]]:
    """Yield the query for batches of a column's values; at least one query, even without values."""
    for start in range(0, max(1, len(values)), _VALUES_PER_QUERY):
        yield query.where(column.in_(values[start : start + _VALUES_PER_QUERY]))


class Compiled:
    """A compiled statement, which avoids SQLAlchemy's compilation and its cache at each execution.

    Values are passed to the driver without conversion.

    Args:
        statement: The statement.
        dialect: Dialect of the database.
        columns: Columns of an insert statement, in the order of the table; None for others.
    """

    def __init__(
        self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None = None
    ) -> None:
        # Positional parameters with every driver: tuples are faster to build than dictionaries.
        style = dialect.paramstyle if dialect.positional else "format"
        dialect_class: Any = type(dialect)
        compiled: Any = statement.compile(
            dialect=dialect_class(paramstyle=style), column_keys=columns
        )
        self._text = str(compiled)
        self._order: list[str] = compiled.positiontup
        assert columns is None or self._order == list(columns)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute the statement with values by name."""
        return connection.exec_driver_sql(self._text, tuple(map(values.get, self._order)))

    def execute_ordered(self, connection: Connection, values: Sequence[Any]) -> CursorResult[Any]:
        """Execute the statement with values in the order of its columns."""
        return connection.exec_driver_sql(self._text, tuple(values))

    def execute_many(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Execute the statement for each row; return the number of rows changed in the database."""
        parameters: Any = rows
        return connection.exec_driver_sql(self._text, parameters).rowcount
