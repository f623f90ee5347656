"""Sources: each text is kept once, by its hash, whatever names it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, Table, select

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.identity import code_hash
from lemur_core.store.statements import insert_once, where_in
from lemur_core.store.text import storable

if TYPE_CHECKING:
    from collections.abc import Collection

CODE_TABLES = (schema.nn, schema.metric, schema.transform, schema.loader)
"""The tables that name sources."""


class StoredCode(NamedTuple):
    """A source as it is stored.

    Attributes:
        hash: Identity of the source, as `lemur_core.store.identity.code_hash` computes it.
        text: The source; characters that no database takes are escaped.
    """

    hash: str
    text: str

    @classmethod
    def of(cls, code: str) -> StoredCode:
        """Return what is stored of a source."""
        return cls(code_hash(code), storable(code))


class NamedCode(NamedTuple):
    """A source under one of its names."""

    name: str
    code: StoredCode


def code_id(connection: Connection, table: Table, name: str, code: StoredCode) -> int:
    """Return the id of a source under a name; both are written where they are not there yet."""
    columns, name = table.c, storable(name)
    same = select(columns.id).where(columns.name == name, columns.hash == code.hash)
    found: int | None = connection.scalar(same)
    if found is None:
        write_codes(connection, [code])
        row = {"name": name, "hash": code.hash}
        connection.execute(insert_once(connection.dialect, table).values(row))
        # Its id may be of the row that another campaign wrote a moment ago.
        return int(connection.execute(same).scalar_one())
    return found


def write_codes(connection: Connection, codes: Collection[StoredCode]) -> None:
    """Write sources that are not there yet."""
    # In one order, so that no two campaigns wait for each other's rows.
    rows = [one._asdict() for one in sorted(set(codes))]
    if rows:
        connection.execute(insert_once(connection.dialect, schema.code), rows)


def read_codes(
    connection: Connection, table: Table, ids: Collection[int | None]
) -> dict[int, NamedCode]:
    """Return sources and their names by the ids that a table has for them.

    Raises:
        StoreError: A source is not there.
    """
    columns = table.c
    query = select(columns.id, columns.name, columns.hash)
    rows = [
        row
        for each in where_in(query, columns.id, sorted(one for one in ids if one is not None))
        for row in connection.execute(each)
    ]
    # A text may have many names.
    texts = read_texts(connection, {row.hash for row in rows})
    return {row.id: NamedCode(row.name, StoredCode(row.hash, texts[row.hash])) for row in rows}


def read_texts(connection: Connection, hashes: Collection[str]) -> dict[str, str]:
    """Return the texts of sources by their hashes.

    Raises:
        StoreError: One is not there.
    """
    code = schema.code.c
    texts = {
        row.hash: row.text
        for each in where_in(select(code.hash, code.text), code.hash, sorted(hashes))
        for row in connection.execute(each)
    }
    for missing in set(hashes) - set(texts):
        raise StoreError(f"the source {missing} is not there; lemur db check says more")
    return texts
