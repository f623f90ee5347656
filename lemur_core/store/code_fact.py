"""A fact about code: what it may be, and its row in a database."""

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
"""Of the JSON of a fact about code."""
_AT_ONCE = 1_000
_KEY = ("name", "hash", "key")
_fact = schema.code_fact.c
QUERY = select(_fact.hash, _fact.name, _fact.value, _fact.key, schema.source.c.place).join_from(
    schema.code_fact, schema.source, isouter=True
)
"""The columns of facts about code, in the order of `CodeFact`."""


class CodeFact(NamedTuple):
    """A named value of a net's source.

    Attributes:
        hash: SHA-256 of the source, hexadecimal, as `code_hash` computes it. The source itself need
            not be recorded. Empty where it is not known.
        name: The fact's name, up to 200 characters; a prefix tells who recorded it,
            ``check.verdict``.
        value: None, a bool, a number, a text, or lists and dictionaries of these, at most 16 MiB as
            JSON.
        key: Tells apart several facts of one name and source, up to 200 characters.
        origin: The place that `lemur db import` took it in from; None if it was recorded here. What
            others claim of code is not to be relied on.
    """

    hash: str
    name: str
    value: Any
    key: str = ""
    origin: str | None = None


class CodeFacts(NamedTuple):
    """Some facts about code, with the sources they are about as far as these are recorded.

    Attributes:
        facts: The facts.
        codes: Texts by hash.
        names: The names of nets that these sources have.
    """

    facts: Sequence[CodeFact]
    codes: Mapping[str, str]
    names: Sequence[NamedCode] = ()


def check_code_fact(fact: CodeFact) -> CodeFact:
    """Return a fact as it is stored.

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
        fact: As `check_code_fact` returns it.
        source_id: Where it was taken in from; None if it is recorded here.
    """
    names = {"name": fact.name, "hash": fact.hash, "key": fact.key}
    return {**names, "value": fact.value, "source_id": source_id}


def insert_facts(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows of facts and return how many were new; others stay as they are.

    What was recorded here replaces what was taken in from elsewhere.
    """
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(schema.code_fact)
    given = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[_fact[name] for name in _KEY],
        set_={"value": given.value, "source_id": None},
        where=_fact.source_id.is_not(None) & given.source_id.is_(None),
    ).execution_options(preserve_rowcount=True)
    # Each once, and in one order, so that no two processes wait for each other's rows.
    first = {tuple(row[name] for name in _KEY): row for row in reversed(rows)}
    each = [first[key] for key in sorted(first)]
    added = 0
    for start in range(0, len(each), _AT_ONCE):
        added += connection.execute(statement, each[start : start + _AT_ONCE]).rowcount
    return added
