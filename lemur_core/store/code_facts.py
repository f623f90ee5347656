"""Nets' sources in a database, and facts about them: named values that plugins record."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, select

from lemur_core.store import schema
from lemur_core.store.code import StoredCode, code_id, read_texts
from lemur_core.store.code_fact import QUERY, CodeFact, check_code_fact, insert_facts, row_of
from lemur_core.store.database import DEFAULT_DB, beside, opened
from lemur_core.store.patience import patiently
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_Result = TypeVar("_Result")


class NamedSource(NamedTuple):
    """A net's name, and the hash of its source."""

    name: str
    hash: str


class CodeTransaction:
    """Reads and writes nets' sources and the facts about them, in one transaction.

    `CodeDatabase.run` makes it.

    Args:
        connection: To the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sources(self, names: Iterable[str] | None = None) -> list[NamedSource]:
        """Return the nets in the database, oldest first; several sources may have one name.

        Args:
            names: Names of nets; None returns all.
        """
        nn = schema.nn.c
        query = select(nn.name, nn.hash).order_by(nn.id)
        queries = [query] if names is None else where_in(query, nn.name, sorted({*names}))
        return [
            NamedSource(row.name, row.hash)
            for each in queries
            for row in self._connection.execute(each)
        ]

    def texts(self, hashes: Iterable[str]) -> dict[str, str]:
        """Return the text of sources by their hashes.

        Raises:
            StoreError: One is not recorded.
        """
        return read_texts(self._connection, {*hashes})

    def add(self, name: str, code: str) -> None:
        """Record a net's source under a name; one that is recorded already stays as it is.

        Characters that no database stores are recorded as escapes, see `storable`.
        """
        code_id(self._connection, schema.nn, name, StoredCode.of(code))

    def facts(self, name: str, hashes: Iterable[str] | None = None) -> list[CodeFact]:
        """Return the facts of a name, by hash and key in order.

        Args:
            name: Name of the facts.
            hashes: Hashes of sources; None returns the facts about every source.
        """
        fact = schema.code_fact.c
        query = QUERY.where(fact.name == name).order_by(fact.hash, fact.key)
        queries = [query] if hashes is None else where_in(query, fact.hash, sorted({*hashes}))
        return [CodeFact(*row) for each in queries for row in self._connection.execute(each)]

    def record(self, facts: Iterable[CodeFact]) -> int:
        """Record facts; one whose hash, name and key are recorded already stays as it is.

        A fact that was taken in from elsewhere is replaced. The ``origin`` of facts is not read.

        Returns:
            The number of facts that were not recorded before.

        Raises:
            FactError: A hash, name, key or value cannot be stored.
        """
        rows = [row_of(check_code_fact(fact)) for fact in facts]
        return insert_facts(self._connection, rows)


class CodeDatabase:
    """A database, as far as it holds nets' sources and facts about them; threads may share it.

    Args:
        engine: The database, `Results.engine` for example.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, work: Callable[[CodeTransaction], _Result]) -> _Result:
        """Run a transaction and return its result.

        Args:
            work: The transaction; an exception undoes it. It is repeated while the database is
                busy, so running it twice must be as good as running it once.

        Raises:
            StoreError: The database cannot be read or written.
        """
        return patiently(self._engine, lambda connection: work(CodeTransaction(connection)))

    def folder(self, name: str) -> Path:
        """Return the folder beside the database for files of a kind; it need not exist.

        For a database on a server it is in the working directory.
        """
        return beside(self._engine, name)


@contextmanager
def code_database(db: str | Path = DEFAULT_DB, *, create: bool = False) -> Iterator[CodeDatabase]:
    """Open a database for its nets' sources and the facts about them, and close it after use.

    Args:
        db: A database URL, or the path of an SQLite file.
        create: Whether to create the database where there is none.

    Raises:
        StoreError: There is no such database, it is not lemur's, or it needs an upgrade.
    """
    with opened(db, create=create) as engine:
        yield CodeDatabase(engine)
