"""Check a lemur database that someone else wrote before anything is imported from it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Boolean, Engine, Float, Integer, LargeBinary, String, Table

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.database import sqlite_file
from lemur_core.store.importing.foreign import ForeignFile, open_foreign
from lemur_core.store.trouble import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.kinds.importer import Fault

_STORED: tuple[tuple[tuple[type, ...], set[str]], ...] = (
    ((Boolean, Integer, BigInteger), {"integer"}),
    ((Float,), {"real", "integer"}),
    ((LargeBinary,), {"blob"}),
    ((String,), {"text"}),
)


def check_source(engine: Engine) -> None:
    """Check that an SQLite database has undamaged tables whose values have their columns' types.

    Raises:
        StoreError: A table or column is missing or damaged, or a value has another type.
    """
    file = sqlite_file(engine.url)
    if file is None:
        return
    try:
        with open_foreign(file, [*schema.metadata.tables]) as source:
            faults = [*source.faults] or [*_faults(source)]
    except sqlite3.Error as error:
        raise StoreError(f"database {place(engine)}: {error}") from error
    if faults:
        more = f"; {len(faults) - 1} more faults like this" if len(faults) > 1 else ""
        raise StoreError(f"{faults[0].place}: {faults[0].reason}{more}")


def _faults(source: ForeignFile) -> Iterator[Fault]:
    for name, table in schema.metadata.tables.items():
        existing = source.columns.get(name, set())
        missing = [column.name for column in table.columns if column.name not in existing]
        if missing:
            names = ", ".join(map(repr, missing))
            yield source.fault(name, f"has no column {names}" if existing else "does not exist")
        else:
            yield from _wrong_types(source, table, [column.name for column in table.columns])


def _wrong_types(source: ForeignFile, table: Table, names: list[str]) -> Iterator[Fault]:
    types = ", ".join(f'typeof("{name}")' for name in names)
    query = f"SELECT DISTINCT {types} FROM {table.name}"  # noqa: S608 - names of our own schema
    types_by_column: dict[str, set[str]] = {}
    for row in source.rows(query):
        for name, type_name in zip(names, row, strict=True):
            types_by_column.setdefault(name, set()).add(type_name)
    for name, type_names in types_by_column.items():
        expected = _expected(table.columns[name].type)
        for type_name in sorted(type_names - expected - {"null"}):
            yield source.fault(
                table.name,
                f"column {name!r} has a value of type {type_name}; expected {min(expected)}",
            )


def _expected(column_type: object) -> set[str]:
    column_type = getattr(column_type, "impl", column_type)
    return next(
        (stored for column_types, stored in _STORED if isinstance(column_type, column_types)),
        {"text"},
    )
