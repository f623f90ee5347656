"""Where results were taken in from."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.text import now, storable


class Origin(NamedTuple):
    """Where results were taken in from.

    Attributes:
        place: The place as it was named.
        form: What it was: the name of an importer.
        taken: When, ISO 8601 in UTC.
    """

    place: str
    form: str
    taken: str

    @classmethod
    def at(cls, place: str, form: str, taken: str | None = None) -> Origin:
        """Return the origin of what is taken in now, or was at a moment, as it is stored."""
        return cls(storable(place), form, taken or now())


def origins(connection: Connection) -> dict[str, Origin]:
    """Return the last origin of each place in a database."""
    source = schema.source.c
    query = select(source.place, source.form, source.taken).order_by(source.id)
    return {row.place: Origin(*row) for row in connection.execute(query)}


def source_id(connection: Connection, origin: Origin) -> int:
    """Return the id of an origin, which is written if it is not there."""
    source, row = schema.source.c, origin._asdict()
    same = [source[name] == value for name, value in row.items()]
    found: int | None = connection.scalar(select(source.id).where(*same))
    if found is not None:
        return found
    added = schema.source.insert().values(row).returning(source.id)
    return int(connection.execute(added).scalar_one())
