"""Look at a database of lemur's that someone else wrote, before anything is taken in from it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Boolean, Engine, Float, Integer, LargeBinary, String, Table

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.database import sqlite_file
from lemur_core.store.taking.foreign import ForeignFile, open_foreign
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
    """Look whether an SQLite database has tables, whole, with values of their columns' types.

    Raises:
        StoreError: It has not.
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
        there = source.columns.get(name, set())
        missing = [column.name for column in table.columns if column.name not in there]
        if missing:
            what = ", ".join(map(repr, missing))
            yield source.fault(name, f"has no column {what}" if there else "is not there")
        else:
            yield from _wrong_types(source, table, [column.name for column in table.columns])


def _wrong_types(source: ForeignFile, table: Table, names: list[str]) -> Iterator[Fault]:
    types = ", ".join(f'typeof("{name}")' for name in names)
    query = f"SELECT DISTINCT {types} FROM {table.name}"  # noqa: S608 - names of our own schema
    found: dict[str, set[str]] = {}
    for row in source.rows(query):
        for name, kind in zip(names, row, strict=True):
            found.setdefault(name, set()).add(kind)
    for name, kinds in found.items():
        expected = _expected(table.columns[name].type)
        for kind in sorted(kinds - expected - {"null"}):
            yield source.fault(
                table.name, f"column {name!r} has a value of type {kind}; expected {min(expected)}"
            )


def _expected(kind: object) -> set[str]:
    kind = getattr(kind, "impl", kind)
    return next((stored for kinds, stored in _STORED if isinstance(kind, kinds)), {"text"})
