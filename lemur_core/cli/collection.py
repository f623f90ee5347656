"""``lemur list collection`` and ``lemur show collection``: named sets of recorded trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_lines, print_text
from lemur_core.cli.table import text_table
from lemur_core.cli.text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.store.collections import Collection

_LONGEST = 300


def collections_text(db: str) -> str:
    """Return a table of the collections of a database."""
    from lemur_core.store.collections import collections

    rows = [
        [summary.name, summary.kind, sum(summary.roles.values()), _roles(summary.roles),
         summary.created]
        for summary in collections(db=db)
    ]  # fmt: skip
    headers = ["collection", "kind", "members", "roles", "created"]
    return text_table(headers, rows) if rows else "no collection is recorded"


@click.command()
@click.argument("name")
@db_option
def collection(name: str, db: str) -> None:
    """Show the spec, provenance and members of the collection called NAME."""
    from lemur_core.store.collections import collection as read

    shown = read(name, db=db)
    print_lines(_lines(shown))
    if shown.members:
        print_text(f"\n{text_table(['role', 'position', 'trial'], shown.members)}")


def _lines(shown: Collection) -> Iterator[str]:
    yield f"{'collection':<12}{shown.name}"
    for name in ("kind", "uid", "created"):
        yield f"{name:<12}{getattr(shown, name)}"
    for name in ("spec", "provenance"):
        yield from _json_lines(name, getattr(shown, name))
    yield f"{'members':<12}{len(shown.members)}"


def _json_lines(name: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield f"{name:<12}{json_text(value)}"
        return
    for key, member in value.items():
        yield f"{name:<12}{key} = {_text(member)}"


def _text(value: Any) -> str:
    """Return a value as JSON; of a long list its length and its first member."""
    text = json_text(value)
    if len(text) <= _LONGEST or not isinstance(value, list):
        return text
    first = json_text(value[0])
    shown = first if len(first) <= _LONGEST else f"{first[:_LONGEST]}..."
    return f"a list of {len(value):,}, of which the first is {shown}"


def _roles(roles: dict[str, int]) -> str:
    return ", ".join(f"{role} {count:,}" for role, count in roles.items())
