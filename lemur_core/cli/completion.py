"""Completion of names in a shell; without torch, because it runs at each press of the key."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from lemur_core.errors import LemurError
from lemur_core.pattern import PARTS
from lemur_core.registry import installed
from lemur_core.settings_files import setting
from lemur_core.store.location import file_path, is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_KINDS = {"dataset": "loader"}
_MOST_TRIALS = 50
# Replaced by the names of files if no other item fits.
_FILE = "file"


def names(kind: str, *, files: bool = False) -> Complete:
    """Return a function that completes the names of entries, separated by commas.

    Args:
        kind: The kind of the entries.
        files: Whether a file can be given instead of a name.
    """

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        items = [CompletionItem(incomplete, type=_FILE)] if files and not comma else []
        return [*items, *_items(installed().names(kind), last, f"{before}{comma}")]

    return complete


def kinds(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a kind of entries."""
    return _items(installed().kinds, incomplete)


def entry_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of an entry of the kind that the command is called like."""
    by_name = {kind.plural: kind.name for kind in installed().kinds.values()}
    kind = str(context.info_name)
    return names(by_name.get(kind, kind), files=True)(context, parameter, incomplete)


def patterns(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete a pipeline, one part after the other, or the name of a file."""
    *before, last = incomplete.split("_")
    if len(before) >= len(PARTS):
        return []
    part, start = PARTS[len(before)], "".join(f"{name}_" for name in before)
    task = before[0] if before else ""
    entries = installed().names(_KINDS.get(part, part))
    known = [name for name, entry in entries.items() if not task or entry.serves(task)]
    if part == "task":
        loaders = installed().names("loader").values()
        known = sorted({task for loader in loaders for task in loader.tasks})
    items = [] if before else [CompletionItem(incomplete, type=_FILE)]
    return [*items, *_items(known, last, start)]


def trials(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the id of a recorded trial, the latest first; for SQLite files only."""
    # A completion has no place for a message.
    with suppress(LemurError, OSError, sqlite3.Error):
        return [CompletionItem(uid, help=text) for uid, text in _trials(_db(context), incomplete)]
    return []


def files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of a file."""
    return [CompletionItem(incomplete, type=_FILE)]


def trials_or_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the id of a recorded trial, or the name of a file."""
    return [*files(context, parameter, incomplete), *trials(context, parameter, incomplete)]


def commands(summaries: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    """Return the commands whose names begin like this, given with their summaries."""
    return [
        CompletionItem(name, help=summary)
        for name, summary in summaries
        if name.startswith(incomplete)
    ]


def _items(known: Iterable[str], incomplete: str, before: str = "") -> list[CompletionItem]:
    return [CompletionItem(f"{before}{name}") for name in known if name.startswith(incomplete)]


def _db(context: click.Context) -> str:
    given = context.params.get("db")
    if isinstance(given, str):
        return given
    return os.environ.get("LEMUR_DB") or setting("db") or "lemur.db"


def _trials(db: str, incomplete: str) -> list[tuple[str, str]]:
    if is_url(db):
        return []
    # SQLAlchemy takes longer to import than this query.
    address = f"{Path(file_path(db)).absolute().as_uri()}?mode=ro"
    query = (
        "SELECT uid, nn || ' on ' || dataset || ', ' || state FROM trial "
        "WHERE substr(uid, 1, ?) = ? ORDER BY id DESC LIMIT ?"
    )
    with closing(sqlite3.connect(address, uri=True)) as connection:
        return connection.execute(query, (len(incomplete), incomplete, _MOST_TRIALS)).fetchall()
