"""Options of commands that print rows of results, and how they print them."""

from __future__ import annotations

import shutil
import sys
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.export import ExportResult, write_results
from lemur_core.cli.output import print_line, print_text
from lemur_core.cli.row_tables import code_text, rows_text
from lemur_core.cli.streams import unstyled
from lemur_core.errors import SettingsError
from lemur_core.escapes import escape
from lemur_core.files import replacement
from lemur_core.passwords import redact
from lemur_core.store.reading.metric_errors import ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pandas import DataFrame

TABLE = "table"
"""The format that is not an exporter."""
# Extensions of files that are not the name of their exporter.
_EXTENSIONS = {"md": "markdown", "tex": "latex"}
# Lines of a terminal below the first page: how to see more, and the prompt.
_BELOW = 3
# Columns of a table, of which code and what was not requested need not be read.
_COLUMNS = (
    "task", "dataset", "metric", "nn", "epoch", "accuracy", "duration", "prm", "validation",
    "trial", "predicted", "data", *ERRORS,
)  # fmt: skip
_OPTIONS = (
    click.option(
        "--sort",
        metavar="[-]A,B,...",
        help="Sort by these columns or hyperparameters; -A sorts in descending order.",
    ),
    click.option(
        "--columns",
        metavar="A,B,...",
        help="Only these columns, hyperparameters or facts, in this order; prm.A is a "
        "hyperparameter with the name of a column.",
    ),
    click.option("--prm-as-columns", is_flag=True, help="Add a column for each hyperparameter."),
    click.option(
        "--code/--no-code",
        "with_code",
        default=None,
        help="Whether to print source code.  [in files and pipes, except in tables]",
    ),
    click.option(
        "--all", "every", is_flag=True, help="Print all rows on a terminal, not the first page."
    ),
    click.option("--pager", is_flag=True, help="Page through all rows on a terminal."),
    click.option(
        "--format",
        "form",
        metavar="table|NAME[:OPTION=VALUE,...]",
        help="Output format: a table with the main columns, or an exporter such as markdown, latex "
        "or csv (see lemur list exporter).  [from the extension of --output, else table]",
    ),
    click.option(
        "--output", "-o", type=click.Path(path_type=Path), help="File or folder to write."
    ),
)


def row_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the form of rows to a command; `Output` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class Output:
    """Where rows go, and in which form.

    Args:
        options: The command's options. Those that only concern the output are removed, and
            ``columns`` and ``sort`` become lists of names.
        db: A database URL, or the path of an SQLite file.

    Raises:
        SettingsError: The rows are paged through but written to a file.
    """

    def __init__(self, options: dict[str, Any], db: str) -> None:
        self._output, self._db = options.pop("output"), db
        self._with_code = options.pop("with_code")
        self._pager = options.pop("pager")
        self._every = options.pop("every") or self._pager or options["max_rows"] is not None
        if self._pager and self._output is not None:
            raise SettingsError("--pager shows rows on a terminal; leave it out or --output")
        self.form = options.pop("form") or _format_of(self._output)
        self._is_terminal = self._output is None and sys.stdout.isatty()
        options["columns"] = _column_names(options["columns"])
        options["sort"] = _column_names(options["sort"]) or []

    @property
    def page(self) -> int | None:
        """Number of rows that the first page has at most; None if all rows are printed."""
        return _height() if self._is_terminal and not self._every else None

    def columns(self, arguments: Mapping[str, Any]) -> list[str] | None:
        """Return the columns to read for a table with these arguments; None reads all."""
        chosen: list[str] | None = arguments["columns"]
        # Columns of facts and of roles in a collection are only known once they are read.
        if chosen is not None or arguments.get("with_facts") or arguments["collection"]:
            return chosen
        user = ("user",) if arguments["per"] == "user" else ()
        code = ("nn_code", "metric_code", "transform_code") if self._with_code else ()
        return [*_COLUMNS, *user, *code]

    def show(self, frame: DataFrame, columns: list[str] | None, total: int) -> None:
        """Print a table of rows, on a terminal up to its first page.

        Args:
            frame: The rows, or those of the first page.
            columns: The columns that the user chose; None shows the main ones.
            total: Number of rows, including those not in ``frame``.
        """
        rows = len(frame) if self.page is None else _rows_that_fit(frame, columns)
        text = rows_text(frame.head(rows), columns, rounded=self._is_terminal)
        if self._with_code:
            text = "\n\n".join([text, *code_text(frame.head(rows))])
        self._print(text)
        if rows < total:
            print_line(
                f"{rows:,} of {total:,} rows; --all prints all, --pager pages through them, "
                "--limit N prints N"
            )

    def say_how_ranked(self, frame: DataFrame, arguments: Mapping[str, Any]) -> None:
        """Print how many of the best rows were selected by test score, if by validation was meant.

        Args:
            frame: The best rows.
            arguments: The arguments that selected them.
        """
        if arguments["by"] == "test" or "validation" not in frame:
            return
        unknown = int(frame["validation"].isna().sum())
        if unknown:
            rows = "1 row has" if unknown == 1 else f"{unknown:,} rows have"
            print_line(f"{rows} no validation score: ranked by the test score", err=True)

    def write(self, arguments: Mapping[str, Any], spelling: dict[str, str]) -> ExportResult:
        """Write rows with an exporter.

        Args:
            arguments: Arguments of `lemur_core.store.reading.reader.frame_options` and filters.
            spelling: How the user writes each argument, for error messages.
        """
        with_code = not self._is_terminal if self._with_code is None else self._with_code
        code = {"without_code": True} if not with_code else {}
        return write_results(
            self.form, self._output, self._db, {**arguments, **code}, spelling=spelling
        )

    def _print(self, text: str) -> None:
        if self._output is not None:
            with replacement(self._output) as path:
                path.write_text(f"{escape(unstyled(text))}\n", encoding="utf-8")
        elif self._pager and self._is_terminal:
            # A pager is another program, which our streams do not protect.
            click.echo_via_pager(escape(redact(unstyled(text))))
        else:
            print_text(text)


def _rows_that_fit(frame: DataFrame, columns: list[str] | None) -> int:
    """Return how many rows fit on the terminal, at least 1; a row may take several lines."""
    numbers = range(1, min(len(frame), _height()) + 1)

    def lines(rows: int) -> int:
        return rows_text(frame.head(rows), columns, rounded=True).count("\n") + 1

    return max(min(1, len(frame)), bisect_right(numbers, _height() - _BELOW, key=lines))


def _height() -> int:
    return shutil.get_terminal_size().lines


def _format_of(output: Path | None) -> str:
    """Return the exporter of the file's extension; ``table`` if there is none."""
    from lemur_core.registry import installed

    extension = output.suffix.lower().removeprefix(".") if output else ""
    name = _EXTENSIONS.get(extension, extension)
    return name if name in installed().names("exporter") else TABLE


def _column_names(text: str | None) -> list[str] | None:
    """Return the names in a comma-separated list; None if there is no list."""
    return None if text is None else [name.strip() for name in text.split(",")]
