"""The source code of nets in a database, and facts about it that plugins record."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, select

from lemur_core.store import schema
from lemur_core.store.code import StoredCode, code_id, read_texts
from lemur_core.store.code_fact import QUERY, CodeFact, check_code_fact, insert_facts, row_of
from lemur_core.store.database import DEFAULT_DB, folder_beside, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_Result = TypeVar("_Result")


class NamedSource(NamedTuple):
    """The name of a net and the hash of its source code."""

    name: str
    hash: str


class CodeTransaction:
    """A transaction that reads and writes the source code of nets and facts about it.

    It is created by `CodeDatabase.run`.

    Args:
        connection: Connection to the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sources(self, names: Iterable[str] | None = None) -> list[NamedSource]:
        """Return the nets in the database, oldest first; a name may have several sources.

        Args:
            names: Names of nets; None for all.
        """
        nn = schema.nn.c
        query = select(nn.name, nn.hash).order_by(nn.id)
        queries = [query] if names is None else where_in(query, nn.name, sorted({*names}))
        return [
            NamedSource(row.name, row.hash)
            for part in queries
            for row in self._connection.execute(part)
        ]

    def texts(self, hashes: Iterable[str]) -> dict[str, str]:
        """Return the text of source code by its hash.

        Raises:
            StoreError: A hash is not recorded.
        """
        return read_texts(self._connection, {*hashes})

    def add(self, name: str, code: str) -> None:
        """Record the source code of a net under a name, unless it is recorded already.

        Characters that databases cannot store are recorded as escapes, see `storable`.
        """
        code_id(self._connection, schema.nn, name, StoredCode.of(code))

    def facts(self, name: str, hashes: Iterable[str] | None = None) -> list[CodeFact]:
        """Return the facts with a name, ordered by hash and key.

        Args:
            name: Name of the facts.
            hashes: Hashes of source code; None for all.
        """
        fact = schema.code_fact.c
        query = QUERY.where(fact.name == name).order_by(fact.hash, fact.key)
        queries = [query] if hashes is None else where_in(query, fact.hash, sorted({*hashes}))
        return [CodeFact(*row) for part in queries for row in self._connection.execute(part)]

    def record(self, facts: Iterable[CodeFact]) -> int:
        """Record facts, except those whose hash, name and key are recorded already.

        An imported fact is replaced. The ``origin`` of the given facts is ignored.

        Returns:
            Number of facts that were recorded.

        Raises:
            FactError: A hash, name, key or value cannot be stored.
        """
        rows = [row_of(check_code_fact(fact)) for fact in facts]
        return insert_facts(self._connection, rows)


class CodeDatabase:
    """Access to the source code of nets in a database and facts about it; it is thread-safe.

    Args:
        engine: Engine of the database, for example `Results.engine`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, work: Callable[[CodeTransaction], _Result]) -> _Result:
        """Run a transaction and return its result.

        Args:
            work: The transaction; an exception rolls it back. It is repeated while the database is
                busy, so it must be idempotent.

        Raises:
            StoreError: The database cannot be read or written.
        """
        return patiently(self._engine, lambda connection: work(CodeTransaction(connection)))

    def folder(self, name: str) -> Path:
        """Return the folder beside the database for files of a kind; it need not exist.

        If the database is on a server, the folder is in the working directory.
        """
        return folder_beside(self._engine, name)


@contextmanager
def code_database(db: str | Path = DEFAULT_DB, *, create: bool = False) -> Iterator[CodeDatabase]:
    """Open a database for access to the source code of nets, and close it after use.

    Args:
        db: A database URL, or the path of an SQLite file.
        create: Whether to create the database if it does not exist.

    Raises:
        StoreError: The database does not exist, was not written by lemur, or needs an upgrade.
    """
    with open_engine(db, create=create) as engine:
        yield CodeDatabase(engine)
