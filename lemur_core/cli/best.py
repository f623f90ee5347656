"""``lemur best``: the best epoch of each pipeline, by validation."""

from __future__ import annotations

from typing import Any

import click

from lemur_core.cli.data import tables
from lemur_core.cli.filters import check_known
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_text


@click.command()
@click.option("--task", help="Pipelines of this task.")
@click.option("--dataset", help="Pipelines of this data set.")
@click.option("--metric", help="Pipelines of this metric.")
@click.option("--nn", "--net", "nn", help="Pipelines of this net.")
@click.option("--max-rows", type=click.IntRange(1), help="Pipelines of each data set, at most.")
@db_option
def best(db: str, max_rows: int | None, **filters: Any) -> None:
    """Print the best epoch of each pipeline, best first.

    The best epoch has the highest validation score; accuracy is its test score. Where no epoch of a
    pipeline has a validation score, as in LEMUR's published results, it is the most accurate one.
    """
    from lemur_core.store.reading.reader import best as read

    check_known(db, filters)
    frame = read(**filters, db=db)
    if max_rows is not None:
        frame = frame.groupby(["task", "dataset", "metric"], sort=False).head(max_rows)
    print_text(tables(frame))
