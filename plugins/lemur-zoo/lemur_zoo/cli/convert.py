"""``lemur zoo import`` and ``lemur zoo export``: zoos in the published layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import db_option, print_line, print_lines, show_progress, warn
from lemur_zoo.cli.database import check_database

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = click.Path(path_type=Path)
_MOST_NAMED = 5


@click.command("import")
@click.argument("source", type=_FOLDER, metavar="SOURCE")
@click.option("--out", required=True, type=_FOLDER, metavar="DIR", help="The zoo's folder.")
@click.option("--dataset", required=True, help="Dataset that the members were trained on.")
@db_option
def import_(source: Path, out: Path, dataset: str, db: str) -> None:
    """Read the zoo in SOURCE, a folder in the layout of the published model zoos, into DIR.

    Files are read without running anything that they contain.
    """
    from lemur_zoo.layout.reading import import_published
    from lemur_zoo.records import import_zoo

    check_database(db)
    done = import_published(source, out, dataset, show_progress)
    show_progress("")
    _warn_of([f"{line}; this member is left out" for line in done.left_out], "left out")
    _warn_of(done.shortened, "read in part")
    for line in done.notes:
        warn(line)
    print_lines(import_zoo(out, db))
    print_line(f"wrote {out} with {done.members:,} members; next: lemur zoo show {out}")


def _warn_of(lines: Sequence[str], what: str) -> None:
    for line in lines[:_MOST_NAMED]:
        warn(line)
    if len(lines) > _MOST_NAMED:
        warn(f"{len(lines) - _MOST_NAMED:,} more members are {what}")


@click.command()
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.argument("out", type=_FOLDER, metavar="FOLDER")
def export(folder: Path, out: Path) -> None:
    """Write the zoo in DIR to FOLDER in the layout of the published model zoos."""
    from lemur_zoo.layout.writing import export_published
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    states = export_published(zoo, out, show_progress)
    show_progress("")
    print_line(f"wrote {states:,} states of {len(zoo):,} members to {out}")
