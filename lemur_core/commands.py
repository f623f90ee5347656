"""Options, tables and output for commands of plugins, as lemur's own commands use them.

A command is a `click.Command` that a plugin registers with ``lemur_register_commands``:

    import click
    from lemur_core.commands import arguments_of, db_option, filter_options, print_text, text_table

    @click.command()
    @filter_options
    @db_option
    def nets(db: str, **options) -> None:
        frame = lemur_core.data(**arguments_of(db, options), unique_nn=True, db=db)
        print_text(text_table(["net", "score"], frame[["nn", "accuracy"]].to_numpy()))

Everything that a command prints is escaped, even with ``print`` or ``click.echo``, so no name or
error from untrusted sources reaches a terminal as a control sequence. `print_line` escapes line
ends too. `print_data` prints data for programs unchanged unless it goes to a terminal. Use `style`
and `show_progress` to print styles and progress on a terminal.
"""

from __future__ import annotations

from lemur_core.cli.completion import trials as complete_trials
from lemur_core.cli.export import ExportResult, write_results
from lemur_core.cli.filters import arguments_of, filter_options, print_unrecorded
from lemur_core.cli.flags import values_of
from lemur_core.cli.options import SHARE, data_option, datasets_option, db_option
from lemur_core.cli.output import (
    print_data,
    print_line,
    print_lines,
    print_text,
    show_progress,
    warn,
)
from lemur_core.cli.streams import style
from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import display_width, duration, shortened
from lemur_core.cli.trial_names import trials_named

__all__ = [
    "SHARE",
    "ExportResult",
    "arguments_of",
    "complete_trials",
    "data_option",
    "datasets_option",
    "db_option",
    "display_width",
    "duration",
    "filter_options",
    "headed",
    "print_data",
    "print_line",
    "print_lines",
    "print_text",
    "print_unrecorded",
    "shortened",
    "show_progress",
    "style",
    "text_table",
    "trials_named",
    "values_of",
    "warn",
    "write_results",
]
