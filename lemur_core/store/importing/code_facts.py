"""Import facts about code, with the code, from another database or an exported folder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select, tuple_

from lemur_core.errors import FactError
from lemur_core.kinds.importer import Fault
from lemur_core.store import schema
from lemur_core.store.code import NamedCode, StoredCode, code_id, read_texts, write_codes
from lemur_core.store.code_fact import (
    QUERY,
    CodeFact,
    CodeFacts,
    check_code_fact,
    insert_facts,
    row_of,
)
from lemur_core.store.identity import code_hash
from lemur_core.store.importing.origin import ImportOrigin, origins, source_id
from lemur_core.store.patience import patiently
from lemur_core.store.statements import where_in
from lemur_core.store.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Number of facts per transaction.
_AT_ONCE = 1_000


def stored_code_facts(engine: Engine, hashes: Iterable[str] | None = None) -> Iterator[CodeFacts]:
    """Yield the facts about code in a database, in chunks.

    Args:
        engine: The database.
        hashes: Hashes of the sources; None for all.
    """
    selected_hashes = None if hashes is None else {*hashes}
    after: Sequence[str] = ()
    while facts := patiently(engine, partial(_read_facts, after=after)):
        selected = [
            fact for fact in facts if selected_hashes is None or fact.hash in selected_hashes
        ]
        yield patiently(engine, partial(_with_codes, facts=selected))
        after = (facts[-1].name, facts[-1].hash, facts[-1].key)


def merge_code_facts(engine: Engine, other: Engine) -> tuple[int, list[Fault]]:
    """Write the facts about code from another database, with the code and its names.

    Returns:
        The number of facts added, and a fault for each fact that cannot be stored.
    """
    added = 0
    faults: list[Fault] = []
    for part in stored_code_facts(other):
        facts = _checked(part.facts, faults)
        # After the facts: another process may be importing into that database.
        known = patiently(other, origins)
        added += patiently(
            engine, partial(_write, facts=facts, names=part.names, codes={}, origins=known)
        )
    return added, faults


def import_code_facts(
    engine: Engine, parts: Iterable[CodeFacts], origin: ImportOrigin
) -> tuple[int, list[Fault]]:
    """Write facts about code that were exported elsewhere, with the code but without net names.

    Without a name, no net can be trained just because an imported file contains its code.

    Args:
        engine: The database.
        parts: The facts.
        origin: Where they come from.

    Returns:
        The number of facts added, and a fault for each fact or source that cannot be stored.
    """
    added = 0
    faults: list[Fault] = []
    for part in parts:
        facts = [fact._replace(origin=origin.place) for fact in _checked(part.facts, faults)]
        codes = {}
        for identity, text in part.codes.items():
            if code_hash(text) == identity and storable(text) == text:
                codes[identity] = text
            else:
                faults.append(Fault(f"source {identity}", "does not match its hash"))
        added += patiently(
            engine,
            partial(_write, facts=facts, names=(), codes=codes, origins={origin.place: origin}),
        )
    return added, faults


def _checked(facts: Iterable[CodeFact], faults: list[Fault]) -> list[CodeFact]:
    checked = []
    for fact in facts:
        try:
            checked.append(check_code_fact(fact)._replace(origin=fact.origin))
        except FactError as error:
            faults.append(Fault(f"fact {fact.name!r} of source {fact.hash}", str(error)))
    return checked


def _read_facts(connection: Connection, after: Sequence[str]) -> list[CodeFact]:
    fact = schema.code_fact.c
    query = QUERY
    if after:
        query = query.where(tuple_(fact.name, fact.hash, fact.key) > tuple_(*after))
    query = query.order_by(fact.name, fact.hash, fact.key).limit(_AT_ONCE)
    return [CodeFact(*row) for row in connection.execute(query)]


def _with_codes(connection: Connection, facts: Sequence[CodeFact]) -> CodeFacts:
    hashes = sorted({fact.hash for fact in facts})
    code, nn = schema.code.c, schema.nn.c
    recorded = [
        identity
        for query in where_in(select(code.hash), code.hash, hashes)
        for identity in connection.scalars(query)
    ]
    texts = read_texts(connection, recorded)
    named_codes = [
        NamedCode(row.name, StoredCode(row.hash, texts[row.hash]))
        for query in where_in(select(nn.name, nn.hash).order_by(nn.id), nn.hash, hashes)
        for row in connection.execute(query)
    ]
    return CodeFacts(facts, texts, named_codes)


def _write(
    connection: Connection,
    facts: Sequence[CodeFact],
    names: Sequence[NamedCode],
    codes: Mapping[str, str],
    origins: Mapping[str, ImportOrigin],
) -> int:
    for name, code in names:
        code_id(connection, schema.nn, name, code)
    write_codes(connection, [StoredCode(*code) for code in codes.items()])
    places = sorted({fact.origin for fact in facts if fact.origin is not None})
    ids = {place: source_id(connection, origins[place]) for place in places}
    rows = [row_of(fact, None if fact.origin is None else ids[fact.origin]) for fact in facts]
    return insert_facts(connection, rows)
