"""Verdicts on nets that were checked, and the nets themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.code import StoredCode, code_id, read_codes
from lemur_core.store.statements import insert_once
from lemur_core.store.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Pipeline(NamedTuple):
    """What a net was checked in."""

    task: str
    dataset: str
    metric: str


class CheckedNet(NamedTuple):
    """A source that was found valid under a name.

    Attributes:
        hash: Of the source.
        task: What it was last checked for.
        code: The source.
        walls: What it was run behind, each time that it was found valid; empty where that was not
            recorded.
    """

    hash: str
    task: str
    code: str
    walls: tuple[str, ...]


def find_verdicts(connection: Connection, asked: str) -> list[dict[str, Any]]:
    """Return what was said when the same was asked before, the last first."""
    columns = schema.verdict.c
    query = select(columns.facts).where(columns.asked == asked).order_by(columns.checked.desc())
    return [json.loads(facts) for facts in connection.scalars(query)]


def write_verdict(
    connection: Connection,
    asked: str,
    code: str,
    pipeline: Pipeline,
    facts: Mapping[str, Any],
    checked: str,
) -> None:
    """Keep a verdict and the source that it is of; done twice, it is there once.

    Args:
        connection: To the database.
        asked: The identity of what was asked.
        code: The source.
        pipeline: What it was checked in.
        facts: The verdict.
        checked: The moment, as `lemur_core.store.text.now` has it.
    """
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
        "checked": checked,
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


def read_checked(connection: Connection, names: Iterable[str]) -> dict[str, tuple[CheckedNet, ...]]:
    """Return the sources that were found valid, by their name; several only after a merge.

    A source whose name another one took over has it no more.
    """
    verdict, code = schema.verdict.c, schema.code.c
    query = (
        select(verdict.name, verdict.task, verdict.facts, code.hash, code.text)
        .join_from(schema.verdict, schema.nn)
        .join(schema.code)
        .where(verdict.name.in_(list(names)), verdict.valid)
        .order_by(verdict.checked)
    )
    found: dict[str, dict[str, CheckedNet]] = {}
    for row in connection.execute(query):
        facts, nets = json.loads(row.facts), found.setdefault(row.name, {})
        for replaced in facts.get("replaces", ()):
            nets.pop(replaced, None)
        before = nets.get(row.hash)
        walls = (*(before.walls if before else ()), _walls_of(facts))
        nets[row.hash] = CheckedNet(row.hash, row.task, row.text, walls)
    return {name: tuple(nets.values()) for name, nets in found.items()}


def _walls_of(facts: Mapping[str, Any]) -> str:
    # What older lemurs recorded has that much.
    return str(facts.get("walls") or ("none" if facts.get("not_enforced") else ""))


def _is_plain(code: str) -> bool:
    return storable(code) == code
