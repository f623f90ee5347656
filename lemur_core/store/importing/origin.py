"""Where results were imported from."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.text import now, storable


class ImportOrigin(NamedTuple):
    """Where results were imported from, and when.

    Attributes:
        place: The place, as the user named it.
        form: Name of the importer.
        taken: Time of the import, ISO 8601 in UTC.
    """

    place: str
    form: str
    taken: str

    @classmethod
    def at(cls, place: str, form: str, taken: str | None = None) -> ImportOrigin:
        """Return an origin as it is stored; ``taken`` defaults to the current time."""
        return cls(storable(place), form, taken or now())


def origins(connection: Connection) -> dict[str, ImportOrigin]:
    """Return the latest origin of each place in a database."""
    source = schema.source.c
    query = select(source.place, source.form, source.taken).order_by(source.id)
    return {row.place: ImportOrigin(*row) for row in connection.execute(query)}


def source_id(connection: Connection, origin: ImportOrigin) -> int:
    """Return the id of an origin, which is added if it does not exist yet."""
    source, row = schema.source.c, origin._asdict()
    same = [source[name] == value for name, value in row.items()]
    existing_id: int | None = connection.scalar(select(source.id).where(*same))
    if existing_id is not None:
        return existing_id
    added = schema.source.insert().values(row).returning(source.id)
    return int(connection.execute(added).scalar_one())
