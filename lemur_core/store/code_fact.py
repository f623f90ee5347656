"""Facts about code, and their rows in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from lemur_core.errors import FactError
from lemur_core.json_value import NotJsonError, json_value
from lemur_core.naming import check_name
from lemur_core.store import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core.store.code import NamedCode

MOST_BYTES = 2**24
"""Maximum size of the JSON of a fact about code."""
_ROWS_PER_STATEMENT = 1_000
_KEY = ("name", "hash", "key")
_fact = schema.code_fact.c
QUERY = select(_fact.hash, _fact.name, _fact.value, _fact.key, schema.source.c.place).join_from(
    schema.code_fact, schema.source, isouter=True
)
"""The columns of facts about code, in the order of `CodeFact`."""


class CodeFact(NamedTuple):
    """A named value that describes the source code of a net.

    Attributes:
        hash: SHA-256 of the code, hexadecimal, as `code_hash` computes it. The code itself need not
            be recorded. Empty if it is unknown.
        name: Name of the fact, up to 200 characters. By convention, a prefix says who recorded it,
            for example ``check.verdict``.
        value: None, a bool, a number, a string, or lists and dictionaries of these, at most 16 MiB
            as JSON.
        key: Distinguishes several facts with the same name and code, up to 200 characters.
        origin: Place that `lemur db import` imported it from; None if it was recorded in this
            database. Do not rely on imported claims about code.
    """

    hash: str
    name: str
    value: Any
    key: str = ""
    origin: str | None = None


class CodeFacts(NamedTuple):
    """Facts about code, with the code itself where it is recorded.

    Attributes:
        facts: The facts.
        codes: Text of the code by hash.
        names: The code with its names as nets.
    """

    facts: Sequence[CodeFact]
    codes: Mapping[str, str]
    names: Sequence[NamedCode] = ()


def check_code_fact(fact: CodeFact) -> CodeFact:
    """Check a fact and return it in the form in which it is stored.

    Raises:
        FactError: It cannot be stored.
    """
    name = check_name("fact", fact.name, FactError)
    if fact.hash != "" and not _is_hash(fact.hash):
        raise FactError(f"fact {name!r}: {str(fact.hash)[:80]!r} is not a source's SHA-256")
    key = fact.key
    if key != "":
        key = check_name(f"key of fact {name!r}:", key, FactError)
    try:
        return CodeFact(fact.hash, name, json_value(fact.value, MOST_BYTES), key)
    except NotJsonError as error:
        raise FactError(f"fact {name!r}: {error}") from None


def _is_hash(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and not set(text) - set("0123456789abcdef")


def row_of(fact: CodeFact, source_id: int | None = None) -> dict[str, Any]:
    """Return the row of a fact.

    Args:
        fact: A fact that `check_code_fact` returned.
        source_id: Id of the source that it was imported from; None if it is not imported.
    """
    names = {"name": fact.name, "hash": fact.hash, "key": fact.key}
    return {**names, "value": fact.value, "source_id": source_id}


def insert_facts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert facts and return the number of rows written.

    Existing facts are left unchanged, except that a fact recorded here replaces an imported one.
    """
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(schema.code_fact)
    excluded = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[_fact[name] for name in _KEY],
        set_={"value": excluded.value, "source_id": None},
        where=_fact.source_id.is_not(None) & excluded.source_id.is_(None),
    ).execution_options(preserve_rowcount=True)
    # One row per key, as a statement cannot change a row twice; a fixed order avoids deadlocks.
    first_rows = {tuple(row[name] for name in _KEY): row for row in reversed(rows)}
    ordered = [first_rows[key] for key in sorted(first_rows)]
    added = 0
    for start in range(0, len(ordered), _ROWS_PER_STATEMENT):
        added += connection.execute(
            statement, ordered[start : start + _ROWS_PER_STATEMENT]
        ).rowcount
    return added
