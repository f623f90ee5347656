"""Source code in the database: each text is stored once, by its hash, under any number of names."""

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
"""Tables of names of source code."""


class StoredCode(NamedTuple):
    """Source code as it is stored.

    Attributes:
        hash: Hash of the original code, from `lemur_core.store.identity.code_hash`.
        text: The code, with characters that databases cannot store replaced by escapes.
    """

    hash: str
    text: str

    @classmethod
    def of(cls, code: str) -> StoredCode:
        """Return the stored form of source code."""
        return cls(code_hash(code), storable(code))


class NamedCode(NamedTuple):
    """Stored code and one of its names."""

    name: str
    code: StoredCode


def code_id(connection: Connection, table: Table, name: str, code: StoredCode) -> int:
    """Return the id of code under a name, inserting the code and the name if they are missing."""
    columns, name = table.c, storable(name)
    query = select(columns.id).where(columns.name == name, columns.hash == code.hash)
    existing: int | None = connection.scalar(query)
    if existing is None:
        write_codes(connection, [code])
        row = {"name": name, "hash": code.hash}
        connection.execute(insert_once(connection.dialect, table).values(row))
        # Another campaign may have inserted the row a moment ago.
        return int(connection.execute(query).scalar_one())
    return existing


def write_codes(connection: Connection, codes: Collection[StoredCode]) -> None:
    """Insert the code that is not stored yet."""
    # A fixed order avoids deadlocks between campaigns.
    rows = [code._asdict() for code in sorted(set(codes))]
    if rows:
        connection.execute(insert_once(connection.dialect, schema.code), rows)


def read_codes(
    connection: Connection, table: Table, ids: Collection[int | None]
) -> dict[int, NamedCode]:
    """Return code and its name by its id in a table of names.

    Raises:
        StoreError: The text of a code is missing.
    """
    columns = table.c
    query = select(columns.id, columns.name, columns.hash)
    rows = [
        row
        for part in where_in(
            query, columns.id, sorted(code_id for code_id in ids if code_id is not None)
        )
        for row in connection.execute(part)
    ]
    # Many names may share a text.
    texts = read_texts(connection, {row.hash for row in rows})
    return {row.id: NamedCode(row.name, StoredCode(row.hash, texts[row.hash])) for row in rows}


def read_texts(connection: Connection, hashes: Collection[str]) -> dict[str, str]:
    """Return the text of code by its hash.

    Raises:
        StoreError: A text is missing.
    """
    code = schema.code.c
    texts = {
        row.hash: row.text
        for query in where_in(select(code.hash, code.text), code.hash, sorted(hashes))
        for row in connection.execute(query)
    }
    for missing in set(hashes) - set(texts):
        raise StoreError(f"the source {missing} is not there; lemur db check says more")
    return texts
