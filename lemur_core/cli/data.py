"""``lemur data``: print recorded results, or write them to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.filters import arguments_of, best_options, filter_options, print_unrecorded
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line
from lemur_core.cli.rows import TABLE, Output, row_options
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame

EPILOG = """\b
Examples:
  lemur data --task img-classification --dataset cifar-10 --best
  lemur data --net ResNet --where batch=32,64 --where lr=1e-4..1e-2
  lemur data --columns nn,lr,batch,accuracy --sort -accuracy --limit 10
  lemur data --per net --by test --format markdown
  lemur data --where state=failed
  lemur data --prm-as-columns --output results.csv"""


@click.command(epilog=EPILOG)
@click.option(
    "--best", is_flag=True, help="Only the best row by validation of each pipeline and epoch."
)
@click.option("--unique-nn", is_flag=True, help="Only the best row by validation of each net.")
@best_options
@filter_options
@click.option("--limit", "--max-rows", "max_rows", type=click.IntRange(0), help="Number of rows.")
@click.option(
    "--curves", "with_curves", is_flag=True, help="Add the learning curve of each row's trial."
)
@click.option(
    "--stats", "with_stats", is_flag=True, help="Add the recorded details of each row's trial."
)
@click.option("--with-facts", is_flag=True, help="Add a column for each fact.")
@row_options
@db_option
@click.pass_context
def data(context: click.Context, /, best: bool, db: str, **options: Any) -> None:
    """Print recorded results, one row per trial and epoch.

    On a terminal, the first page is printed; --all prints all rows. Source code is only printed
    with --code, but files and pipes in the formats of exporters such as csv contain it.
    """
    destination = Output(options, db)
    if options["by"] and not (best or options["unique_nn"] or options["per"] or options["top"]):
        raise SettingsError("--by selects the best rows; add --best, --per or --top")
    # `--per` says of what the best rows are.
    only_best = options["unique_nn"] or (best and options["per"] is None)
    arguments = arguments_of(db, options) | {"only_best": only_best}
    if destination.form == TABLE:
        _show_table(arguments, db, destination)
    else:
        flags = {option.name or "": option.opts[0] for option in context.command.params}
        written = destination.write(arguments, flags | {"only_best": "--best"})
        if written.rows == 0:
            print_unrecorded(arguments, db)
        if written.rows == 0 or "state" in arguments["where"]:
            _report_trials_without_epochs(arguments, db)


def _show_table(arguments: dict[str, Any], db: str, destination: Output) -> None:
    columns = destination.columns(arguments)
    frame, total = _read({**arguments, "columns": columns}, db, destination.page)
    if frame.empty:
        print_unrecorded(arguments, db)
    if frame.empty or "state" in arguments["where"]:
        _report_trials_without_epochs(arguments, db)
    destination.show(frame, arguments["columns"], total)
    if any(map(arguments.get, ("only_best", "per", "top"))):
        destination.say_how_ranked(frame, arguments)


def _read(arguments: Mapping[str, Any], db: str, page: int | None) -> tuple[DataFrame, int]:
    """Return the rows, or at least those of the first page, and the number of all rows."""
    from lemur_core.store.reading.reader import count
    from lemur_core.store.reading.reader import data as read

    # Reading a page is much faster if the rows need not be compared, sorted or repeated by role.
    others = ("only_best", "per", "top", "sort", "collection")
    if page is None or arguments["max_rows"] is not None or any(map(arguments.get, others)):
        frame = read(**arguments, db=db)
        return frame, len(frame)
    names = ("task", "dataset", "metric", "nn", "nn_prefixes", "epoch", "where")
    total = count(**{name: arguments[name] for name in names}, db=db)
    return read(**{**arguments, "max_rows": page}, db=db), total


def _report_trials_without_epochs(arguments: dict[str, Any], db: str) -> None:
    """Print which matching trials have no row because they ended before their first epoch."""
    from lemur_core.store.reading.reader import without_epochs

    names = ("task", "dataset", "metric", "nn", "nn_prefixes", "epoch", "where", "collection")
    uids = without_epochs(**{name: arguments[name] for name in names}, db=db)
    if uids:
        shown = ", ".join(uid[:8] for uid in uids[:3])
        more = ", ..." if len(uids) > 3 else ""
        trials = "matching trial has" if len(uids) == 1 else "matching trials have"
        line = f"{len(uids)} {trials} no epoch and no row: lemur show trial {shown}{more}"
        print_line(line, err=True)
