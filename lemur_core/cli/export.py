"""``lemur export``: results for other programs, and code with its scores for language models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemur_core.cli import warn
from lemur_core.cli.filters import check_known
from lemur_core.cli.options import db_option
from lemur_core.cli.text import binary
from lemur_core.files import replacement

_OWN = ("jsonl-code", "parquet")


@click.command()
@click.option(
    "--format",
    "form",
    default=_OWN[0],
    show_default=True,
    metavar="jsonl-code|parquet|NAME",
    help="A JSON object a line, the same as a table, or an installed exporter.",
)
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A file."
)
@click.option(
    "--all", "every", is_flag=True, help="A line for each hyperparameters, not the best only."
)
@click.option("--test", type=float, default=0.1, show_default=True, help="Share of the test split.")
@click.option("--task", help="Results of this task.")
@click.option("--dataset", help="Results of this data set.")
@click.option("--metric", help="Results of this metric.")
@click.option("--nn", "--net", "nn", help="Results of this net.")
@db_option
def export(form: str, output: Path, every: bool, test: float, db: str, **named: Any) -> None:
    """Write nets' code with their scores, a line for each net and pipeline, or all results.

    Near copies of a net are in one split, train or test.
    """
    check_known(db, named)
    if form in _OWN:
        _write_corpus(form, output, every, test, db, named)
        return
    from lemur_core.registry import installed
    from lemur_core.store.reading.reader import data

    exporter = installed().get("exporter", form).load()
    frame = data(db=db, **named)
    with replacement(output) as path:
        exporter(frame, path)
    click.echo(f"wrote {output}")


def _write_corpus(
    form: str, output: Path, every: bool, test: float, db: str, named: dict[str, Any]
) -> None:
    from lemur_core.restriction import canonical
    from lemur_core.store.database import opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.corpus import TEST, TRAIN, corpus, write
    from lemur_core.store.reading.filters import Filters

    named["dataset"] = named["dataset"] and canonical(named["dataset"])
    with opened(db) as engine:
        found = patiently(
            engine,
            lambda connection: corpus(connection, Filters(trial=named), every=every, test=test),
        )
    with replacement(output) as path, path.open("wb") as file:
        notes = write(found, form, file)
    for note in notes:
        warn(note)
    click.echo(
        f"wrote {output}: {len(found.lines):,} lines, {binary(output.stat().st_size)}, "
        f"{found.tokens:,} tokens of Python; {found.families:,} families, "
        f"{found.of(TRAIN):,} lines to train with, {found.of(TEST):,} to test"
    )
    if found.unknown:
        click.echo(f"left out {found.unknown:,} results whose code is not known", err=True)
