"""``lemur trials``: list recorded trials, and delete, tag or annotate them."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.filters import arguments_of, filter_options
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_data, print_line, print_text
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lemur_core.store.reading.filters import Filters
    from lemur_core.store.reading.trial_rows import Row

EPILOG = """\b
Examples:
  lemur trials
  lemur trials --failed --columns id,pipeline,reason
  lemur trials --net ResNet --columns id,user,lr,batch,validation
  lemur trials --tag baseline --json
  lemur trials tag baseline 3 last
  lemur trials delete 1f2e3d4c --yes"""
# Lines of a terminal that the heading, the line below the table and the prompt take.
_OTHER_LINES = 6


class _Trials(click.Group):
    """A list without a sub-command; options that filter it belong to no sub-command."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a sub-command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        from lemur_core.cli import trials_changes

        command: click.Command = getattr(trials_changes, cmd_name)
        return command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the sub-commands."""
        return ["delete", "tag", "note"]


@click.command(
    cls=_Trials, invoke_without_command=True, epilog=EPILOG, subcommand_metavar="[COMMAND ...]"
)
@filter_options
@click.option("--failed", is_flag=True, help="Only trials that failed.")
@click.option(
    "--columns",
    metavar="A,B,...",
    help="Only these columns, in this order; hyperparameters and facts by their names.",
)
@click.option("--limit", type=click.IntRange(1), help="Only the newest trials, at most this many.")
@click.option(
    "--all", "all_", is_flag=True, help="All trials on a terminal, not only the newest that fit."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per trial.")
@db_option
@click.pass_context
def trials(
    context: click.Context,
    /,
    failed: bool,
    columns: str | None,
    limit: int | None,
    all_: bool,
    as_json: bool,
    db: str,
    **options: Any,
) -> None:
    """List recorded trials, the newest last: best scores, state, time, tags.

    A trial has a row if one of its epochs matches the filters, or if it has no epoch and matches
    itself. Other commands take the id of a trial as UID, the first digits of it, its number if
    only one trial has it, or the words last and best.
    """
    if context.invoked_subcommand is not None:
        _check_no_option(context)
        return
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.reader import filters_of
    from lemur_core.store.reading.trial_rows import check_columns, trial_rows

    arguments = arguments_of(db, options)
    if failed:
        if "state" in arguments["where"]:
            raise SettingsError("--failed and --where state=... exclude each other")
        arguments["where"]["state"] = "failed"
    filters: Filters = filters_of(**arguments)
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    most = limit or (None if all_ or as_json else _page())

    def read(connection: Connection) -> tuple[list[Row], int]:
        check_columns(connection, names or ())
        return trial_rows(connection, filters, most)

    with open_engine(db) as engine:
        rows, total = patiently(engine, read)
    if as_json:
        _print_json(rows, names)
        return
    _print_table(rows, names)
    if len(rows) < total and limit is None:
        print_line(f"the newest {len(rows)} of {total:,} trials; --all shows all", err=True)


def _check_no_option(context: click.Context) -> None:
    default = click.core.ParameterSource.DEFAULT
    sources = {name: context.get_parameter_source(name) for name in context.params}
    for option in context.command.params:
        name = option.name or ""
        if name != "db" and sources.get(name) not in (None, default):
            raise click.UsageError(
                f"{option.opts[0]} belongs to the list of trials; 'lemur trials "
                f"{context.invoked_subcommand}' takes ids",
                context,
            )


def _page() -> int | None:
    """Return how many rows fit on the terminal; None if there is no terminal."""
    if not sys.stdout.isatty():
        return None
    return max(10, shutil.get_terminal_size().lines - _OTHER_LINES)


def _print_json(rows: list[Row], names: list[str] | None) -> None:
    from lemur_core.store.reading.trial_rows import value_of

    for row in rows:
        shown = row if names is None else {name: value_of(row, name) for name in names}
        print_data(f"{json.dumps(shown, allow_nan=False)}\n")


def _print_table(rows: list[Row], names: list[str] | None) -> None:
    from lemur_core.cli.trials_table import plain_table, trials_table

    print_text(trials_table(rows) if names is None else plain_table(rows, names))
