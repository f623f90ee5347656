"""``lemur best``: the best epoch of each pipeline, by validation."""

from __future__ import annotations

from typing import Any

import click

from lemur_core.cli.data import tables
from lemur_core.cli.filters import check_known
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_text

EPILOG = """\b
Examples:
  lemur best
  lemur best --task img-classification --dataset cifar-10 --max-rows 10
  lemur best --net ResNet --db results.db"""


@click.command(epilog=EPILOG)
@click.option("--task", help="Only pipelines of this task.")
@click.option("--dataset", help="Only pipelines of this dataset.")
@click.option("--metric", help="Only pipelines of this metric.")
@click.option("--nn", "--net", "nn", help="Only pipelines of this net.")
@click.option(
    "--max-rows",
    type=click.IntRange(1),
    help="Maximum number of pipelines for each task, dataset and metric.",
)
@db_option
def best(db: str, max_rows: int | None, **filters: Any) -> None:
    """Print the best epoch of each pipeline, best first.

    The best epoch has the highest validation score; accuracy is its test score. If no epoch of a
    pipeline has a validation score, as in LEMUR's published results, the best epoch has the highest
    test score.
    """
    from lemur_core.store.reading.reader import best as read

    check_known(db, filters)
    frame = read(**filters, db=db)
    if max_rows is not None:
        frame = frame.groupby(["task", "dataset", "metric"], sort=False).head(max_rows)
    print_text(tables(frame))
