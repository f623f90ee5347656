"""Fetch the rows of a query as the driver returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select


def fetched(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return all rows of a query; none of its columns may have a type that needs conversion."""
    result = connection.execute(query)
    assert result.cursor is not None
    rows = [*result.cursor.fetchall()]
    result.close()
    return rows
