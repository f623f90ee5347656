"""``lemur data``: recorded results, to read or to pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.options import db_option
from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import prm_text

if TYPE_CHECKING:
    from pandas import DataFrame


@click.command()
@click.option("--best", is_flag=True, help="Of each pipeline and epoch, the best row only.")
@click.option("--task", help="Rows of this task.")
@click.option("--dataset", help="Rows of this data set.")
@click.option("--metric", help="Rows of this metric.")
@click.option("--nn", "--net", "nn", help="Rows of this net.")
@click.option("--epoch", type=click.IntRange(1), help="Rows of this epoch.")
@click.option("--max-rows", type=click.IntRange(0), help="At most so many rows.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="The table leaves the code out.",
)
@db_option
def data(best: bool, form: str, **filters: Any) -> None:
    """Print recorded results, a row per trial and epoch."""
    from lemur_core.store import data as read

    frame = read(only_best_accuracy=best, **filters)
    if form == "csv":
        click.echo(frame.to_csv(index=False), nl=False)
    elif form == "json":
        click.echo(frame.to_json(orient="records", indent=2))
    else:
        click.echo(_tables(frame) if len(frame) else "no such rows")


def _tables(frame: DataFrame) -> str:
    groups = frame.groupby(["task", "dataset", "metric"], sort=False)
    return "\n\n".join(headed("_".join(where), _table(group)) for where, group in groups)


def _table(frame: DataFrame) -> str:
    rows = [
        [
            row.nn, row.trial[:8], row.epoch, f"{row.accuracy:.4f}", f"{row.validation:.4f}",
            f"{row.duration / 1e9:.1f}", prm_text(row.prm),
        ]
        for row in frame.itertuples()
    ]  # fmt: skip
    headers = ["net", "trial", "epoch", "accuracy", "validation", "seconds", "hyperparameters"]
    return text_table(headers, rows)
