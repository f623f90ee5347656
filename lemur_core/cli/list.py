"""``lemur list``: what is installed."""

from __future__ import annotations

import click

from lemur_core.cli.collection import collections_text
from lemur_core.cli.options import db_option
from lemur_core.cli.table import text_table
from lemur_core.errors import UnknownNameError
from lemur_core.registry import KINDS, Registry, installed


@click.command("list")
@click.argument("kind", required=False, metavar="[KIND]")
@db_option
def list_entries(kind: str | None, db: str) -> None:
    """List what is installed, or one kind of it; or the collections of a database.

    KIND is net, loader, transform, metric, estimator, exporter, command or collection.
    """
    if kind in ("collection", "collections"):
        click.echo(collections_text(db))
        return
    registry = installed()
    shown = [one_kind(kind)] if kind else [one for one in KINDS if registry.names(one)]
    blocks = [_block(registry, one) for one in shown]
    click.echo("\n\n".join(blocks) if blocks else "no plugin is installed")


def one_kind(text: str) -> str:
    """Return the kind that a user means, in the singular or the plural.

    Raises:
        UnknownNameError: There is no such kind.
    """
    kind = text.removesuffix("s")
    if kind not in KINDS:
        raise UnknownNameError("kind", text, KINDS)
    return kind


def _block(registry: Registry, kind: str) -> str:
    full = {id(entry): name for name, entry in registry.entries(kind)}
    rows = [
        [name, full[id(entry)].partition("/")[0], ",".join(entry.tasks) or "any", entry.about()]
        for name, entry in registry.names(kind).items()
    ]
    return text_table([kind, "plugin", "tasks", "summary"], rows)
