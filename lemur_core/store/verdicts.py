"""Verdicts on nets that were checked, and the nets themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.code import StoredCode, code_id, read_codes
from lemur_core.store.text import now, storable
from lemur_core.store.writing.ledger import insert_once


class Pipeline(NamedTuple):
    """What a net was checked in."""

    task: str
    dataset: str
    metric: str


def find_verdict(connection: Connection, asked: str) -> dict[str, Any] | None:
    """Return what was said when the same was asked before; None where it was not."""
    columns = schema.verdict.c
    facts = connection.scalar(select(columns.facts).where(columns.asked == asked))
    return None if facts is None else json.loads(facts)


def write_verdict(
    connection: Connection,
    asked: str,
    code: str,
    pipeline: Pipeline,
    facts: Mapping[str, Any],
) -> None:
    """Keep a verdict and the source that it is of; done twice, it is there once."""
    row = {
        "asked": asked,
        "name": facts["name"],
        # A source that had to be spelt out would be another.
        "nn_id": (
            code_id(connection, schema.nn, facts["name"], StoredCode.of(code))
            if _is_plain(code)
            else None
        ),
        **pipeline._asdict(),
        "valid": facts["valid"],
        "facts": storable(json.dumps(facts, ensure_ascii=False)),
        "checked": now(),
    }
    connection.execute(insert_once(connection.dialect, schema.verdict).values(row))


def read_verdicts(connection: Connection) -> list[dict[str, Any]]:
    """Return all verdicts, each with the net's ``code`` in the place of its id."""
    rows = [dict(row) for row in connection.execute(select(schema.verdict)).mappings()]
    codes = read_codes(connection, schema.nn, {row["nn_id"] for row in rows})
    for row in rows:
        number = row.pop("nn_id")
        row["code"] = None if number is None else codes[number].code
    return rows


def copy_verdicts(connection: Connection, verdicts: Iterable[Mapping[str, Any]]) -> int:
    """Write what `read_verdicts` gives of another database; return how many are new."""
    added = 0
    for told in verdicts:
        row = dict(told)
        code = row.pop("code")
        row["nn_id"] = None if code is None else code_id(connection, schema.nn, row["name"], code)
        insert = insert_once(connection.dialect, schema.verdict).values(row)
        added += connection.execute(insert).rowcount
    return added


def read_checked(connection: Connection, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the task and the source of nets, by name, as they were last found valid."""
    verdict, code = schema.verdict.c, schema.code.c
    query = (
        select(verdict.name, verdict.task, code.text)
        .join_from(schema.verdict, schema.nn)
        .join(schema.code)
        .where(verdict.name.in_(list(names)), verdict.valid)
        .order_by(verdict.checked)
    )
    return {row.name: (row.task, row.text) for row in connection.execute(query)}


def _is_plain(code: str) -> bool:
    return storable(code) == code
