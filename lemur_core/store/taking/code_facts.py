"""Take in facts about code that another database holds, with the code they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from lemur_core.errors import FactError
from lemur_core.kinds.importer import Fault
from lemur_core.store import schema
from lemur_core.store.code import NamedCode, StoredCode, code_id, read_texts
from lemur_core.store.code_facts import (
    CodeFact,
    CodeTransaction,
    check_code_fact,
    read_code_facts,
)
from lemur_core.store.patience import patiently
from lemur_core.store.reading.filters import where_in


class CodeFacts(NamedTuple):
    """Some facts about code, and those of the sources they are about that are recorded."""

    facts: Sequence[CodeFact]
    sources: Sequence[NamedCode]


def stored_code_facts(engine: Engine) -> Iterator[CodeFacts]:
    """Yield the facts about code of a database, some at a time."""
    after: Sequence[str] = ()
    while (part := patiently(engine, partial(_read, after=after))).facts:
        yield part
        last = part.facts[-1]
        after = (last.name, last.hash, last.key)


def take_code_facts(engine: Engine, parts: Iterable[CodeFacts]) -> tuple[int, list[Fault]]:
    """Write facts about code that are not recorded yet, with the sources.

    Returns:
        How many facts were not recorded before, and those that cannot be stored.
    """
    added, faults = 0, []
    for part in parts:
        facts = []
        for fact in part.facts:
            try:
                facts.append(check_code_fact(fact))
            except FactError as error:
                faults.append(Fault(f"fact {fact.name!r} of source {fact.hash}", str(error)))
        added += patiently(engine, partial(_write, part=CodeFacts(facts, part.sources)))
    return added, faults


def _read(connection: Connection, after: Sequence[str]) -> CodeFacts:
    facts = read_code_facts(connection, after)
    nn = schema.nn.c
    query = select(nn.name, nn.hash).order_by(nn.id)
    named = [
        row
        for each in where_in(query, nn.hash, sorted({fact.hash for fact in facts}))
        for row in connection.execute(each)
    ]
    texts = read_texts(connection, {row.hash for row in named})
    return CodeFacts(
        facts, [NamedCode(row.name, StoredCode(row.hash, texts[row.hash])) for row in named]
    )


def _write(connection: Connection, part: CodeFacts) -> int:
    for name, code in part.sources:
        code_id(connection, schema.nn, name, code)
    return CodeTransaction(connection).record(part.facts)
