"""``lemur list``: list what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lemur_core.cli import completion
from lemur_core.cli.collection import collections_text
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_text
from lemur_core.cli.table import text_table
from lemur_core.errors import UnknownNameError
from lemur_core.registry import CORE, Registry, installed

if TYPE_CHECKING:
    from lemur_core.kind import Kind


class Listing(click.Command):
    """A command whose help lists the kinds of entries."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help text, followed by the kinds."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Kinds"):
            kinds = [(kind.name, kind.summary) for kind in installed().kinds.values()]
            formatter.write_dl([*kinds, ("collection", "A named set of trials recorded in --db")])


@click.command("list", cls=Listing)
@click.argument("kind", required=False, metavar="[KIND]", shell_complete=completion.kinds)
@db_option
def list_entries(kind: str | None, db: str) -> None:
    """List all installed entries, those of one KIND, or the collections of a database."""
    if kind in ("collection", "collections"):
        print_text(collections_text(db))
        return
    registry = installed()
    kinds = [kind_named(registry, kind)] if kind else registry.kinds.values()
    blocks = [_block(registry, listed) for listed in kinds if kind or registry.names(listed.name)]
    if set(registry.plugins) <= {CORE}:
        blocks.append("no plugin is installed")
    print_text("\n\n".join(blocks))


def is_kind(registry: Registry, text: str) -> bool:
    """Return whether a kind has this name, which may be singular or plural."""
    return any(text in (kind.name, kind.plural) for kind in registry.kinds.values())


def kind_named(registry: Registry, text: str) -> Kind:
    """Return the kind of this name, which may be singular or plural.

    Raises:
        UnknownNameError: There is no kind of this name.
    """
    kinds = registry.kinds
    by_name = {kind.plural: kind for kind in kinds.values()} | kinds
    if text not in by_name:
        raise UnknownNameError("kind", text, kinds)
    return by_name[text]


def _block(registry: Registry, kind: Kind) -> str:
    full = {id(entry): name for name, entry in registry.entries(kind.name)}
    rows = [
        [
            name, full[id(entry)].partition("/")[0],
            *([",".join(entry.tasks) or "any"] if kind.per_task else []), entry.about(),
        ]
        for name, entry in registry.names(kind.name).items()
    ]  # fmt: skip
    tasks = ["tasks"] if kind.per_task else []
    table = text_table([kind.name, "plugin", *tasks, "summary"], rows)
    sized = next((entry for _, entry in registry.entries(kind.name) if entry.sizes), None)
    if sized is None:
        return table
    note = f"{kind.plural} whose name has a size exist in other sizes: lemur show {kind.name}"
    return f"{table}\n{note} {sized.name}"
