"""``lemur export``: write results to a file or folder in any installed format."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import click

from lemur_core.cli.filters import arguments_of, filter_options, print_unrecorded
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_data, print_line, show_progress, warn
from lemur_core.cli.text import binary
from lemur_core.errors import SettingsError

_CODE = "jsonl-code"
EPILOG = """\b
Examples:
  lemur export --output code.jsonl
  lemur export --task img-classification --all --test 0.1 --output code.jsonl
  lemur export --format csv --net ResNet --output resnet.csv"""


@click.command(epilog=EPILOG)
@click.option(
    "--format",
    "form",
    default=_CODE,
    show_default=True,
    metavar="NAME[:OPTION=VALUE,...]",
    help="Exporter (see lemur list exporter).",
)
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="File or folder to write.",
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Short for the exporter's option every=yes: all hyperparameters, not only the best.",
)
@click.option(
    "--test",
    type=float,
    help="Short for the exporter's option test: the share of the test split, 0 to 1.",
)
@filter_options
@db_option
def export(
    form: str, output: Path, every: bool, test: float | None, db: str, **filters: Any
) -> None:
    """Write recorded results, by default the code of nets with their scores.

    The formats jsonl-code and parquet-code, provided by lemur-check, keep near-duplicate nets in
    the same split, train or test.
    """
    exporter_options = {"every": "yes"} if every else {}
    if test is not None:
        exporter_options["test"] = str(test)
    arguments = arguments_of(db, filters)
    message = write_results(form, output, db, arguments, exporter_options).message
    print_unrecorded(arguments, db)
    size = f", {binary(output.stat().st_size)}" if output.is_file() else ""
    print_line(f"wrote {output}{size}{f': {message}' if message else ''}")


class ExportResult(NamedTuple):
    """The result of an export.

    Attributes:
        message: The exporter's message about the file; None if it returned none.
        rows: Number of rows the exporter read; None if it read none.
    """

    message: str | None
    rows: int | None


def write_results(
    form: str,
    output: Path | None,
    db: str,
    arguments: dict[str, Any],
    options: dict[str, str] | None = None,
    spelling: dict[str, str] | None = None,
) -> ExportResult:
    """Write results with an exporter.

    Args:
        form: The exporter and its options, ``NAME[:OPTION=VALUE,...]``.
        output: The file or folder to write; None prints the file to standard output.
        db: A database URL, or the path of an SQLite file.
        arguments: Arguments of `lemur_core.data`.
        options: Additional options of the exporter.
        spelling: How the user writes each argument, for error messages.

    Raises:
        LemurError: The exporter cannot write these results.
    """
    from lemur_core.kinds.exporter import exporter, write
    from lemur_core.options import Selection, read_selection
    from lemur_core.passwords import without_password
    from lemur_core.registry import installed
    from lemur_core.store.database import open_engine
    from lemur_core.store.reading.results import Results

    # As the user typed it, without the path at which the shell found the command.
    command = shlex.join(["lemur", *map(without_password, sys.argv[1:])])
    selection = read_selection("exporter", form)
    selection = Selection(selection.name, {**selection.options, **(options or {})})
    export = exporter(installed(), selection)
    with open_engine(db) as engine, TemporaryDirectory() as folder:
        results = Results(
            engine, arguments, progress=_show_progress, warn=warn, spelling=spelling,
            command=command,
        )  # fmt: skip
        path = Path(folder, f"results.{selection.name}") if output is None else output
        message = write(export, selection.name, results, path)
        if output is None:
            _print(path, selection.name)
    return ExportResult(message, results.rows)


def _print(path: Path, form: str) -> None:
    if path.is_dir():
        raise SettingsError(f"format {form!r} writes a folder; name it with --output")
    if sys.stdout.isatty() and not _is_text(path.read_bytes()):
        raise SettingsError(f"format {form!r} is not text; name a file with --output")
    print_data(path.read_bytes())


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _show_progress(done: int, total: int | None) -> None:
    if sys.stderr.isatty():
        of = f" of {total:,}" if total is not None else ""
        show_progress(f"{done:,}{of}")
        if done == total:
            print_line(err=True)
