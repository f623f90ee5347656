"""``lemur best``: of each pipeline, the best that was recorded."""

from __future__ import annotations

from typing import Any

import click

from lemur_core.cli.data import tables
from lemur_core.cli.options import db_option


@click.command()
@click.option("--task", help="Pipelines of this task.")
@click.option("--dataset", help="Pipelines of this data set.")
@click.option("--metric", help="Pipelines of this metric.")
@click.option("--nn", "--net", "nn", help="Pipelines of this net.")
@click.option("--max-rows", type=click.IntRange(1), help="Of each data set, so many at most.")
@db_option
def best(db: str, max_rows: int | None, **filters: Any) -> None:
    """Print the most accurate epoch of each pipeline, best first."""
    from lemur_core.store.reading.reader import best as read

    frame = read(**filters, db=db)
    if max_rows is not None:
        frame = frame.groupby(["task", "dataset", "metric"], sort=False).head(max_rows)
    click.echo(tables(frame))
