"""Rows of a query, as the driver gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select


def fetched(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return all rows of a query, none of whose columns is of a type that has to be turned."""
    result = connection.execute(query)
    assert result.cursor is not None
    found = [*result.cursor.fetchall()]
    result.close()
    return found
