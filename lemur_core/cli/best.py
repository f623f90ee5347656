"""``lemur best``: the best epoch of each pipeline, by validation."""

from __future__ import annotations

from typing import Any

import click

from lemur_core.cli.filters import arguments_of, best_options, filter_options, print_unrecorded
from lemur_core.cli.options import db_option
from lemur_core.cli.rows import TABLE, Output, row_options

EPILOG = """\b
Examples:
  lemur best
  lemur best --task img-classification --dataset cifar-10 --limit 10
  lemur best --top 3 --epoch 5 --by test
  lemur best --per net --columns nn,dataset,accuracy,lr
  lemur best --dataset digits --format latex --output best.tex"""


@click.command(epilog=EPILOG)
@best_options
@filter_options
@click.option(
    "--limit",
    "--max-rows",
    "max_rows",
    type=click.IntRange(1),
    help="Number of rows of each task, dataset and metric.",
)
@row_options
@db_option
@click.pass_context
def best(context: click.Context, /, db: str, **options: Any) -> None:
    """Print the best epoch of each pipeline, best first.

    The best epoch has the highest validation score; accuracy is its test score. If no epoch of a
    pipeline has a validation score, as in LEMUR's published results, the best epoch has the highest
    test score. If its settings were trained with n seeds, the mean of their test scores and its
    sample standard deviation are printed too.
    """
    destination = Output(options, db)
    implied: dict[str, Any] = {"ranked": True, "with_seeds": True}
    if options["per"] is None:
        implied["per"] = "pipeline"
    arguments = arguments_of(db, options)
    if destination.form != TABLE:
        flags = {option.name or "": option.opts[0] for option in context.command.params}
        spelling = {**flags, **dict.fromkeys(implied, "the rows of lemur best")}
        if destination.write({**arguments, **implied}, spelling).rows == 0:
            print_unrecorded(arguments, db)
        return
    _show_table(arguments, db, destination)


def _show_table(arguments: dict[str, Any], db: str, destination: Output) -> None:
    from lemur_core.store.reading.reader import best as read

    given = {name: value for name, value in arguments.items() if value is not None}
    frame = read(**given, db=db)
    if frame.empty:
        print_unrecorded(arguments, db)
    destination.show(frame, arguments["columns"], len(frame))
    destination.say_how_ranked(frame, arguments)
