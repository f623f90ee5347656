"""``lemur data``: print recorded results, or write them to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.export import write_results
from lemur_core.cli.filters import arguments_of, filter_options
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line, print_text
from lemur_core.cli.streams import unstyled
from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import prm_text
from lemur_core.escapes import escape
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

_TABLE = "table"
EPILOG = """\b
Examples:
  lemur data --task img-classification --dataset cifar-10 --best
  lemur data --net ResNet --where batch=32,64 --where lr=1e-4..1e-2
  lemur data --unique-nn --columns nn,accuracy,epoch
  lemur data --where state=failed
  lemur data --prm-as-columns --output results.csv"""


@click.command(epilog=EPILOG)
@click.option(
    "--best", is_flag=True, help="Only the best row by validation of each pipeline and epoch."
)
@click.option("--unique-nn", is_flag=True, help="Only the best row by validation of each net.")
@filter_options
@click.option("--max-rows", type=click.IntRange(0), help="Maximum number of rows.")
@click.option("--columns", metavar="A,B,...", help="Only these columns, in this order.")
@click.option("--prm-as-columns", is_flag=True, help="Add a column for each hyperparameter.")
@click.option(
    "--curves", "with_curves", is_flag=True, help="Add the learning curve of each row's trial."
)
@click.option(
    "--stats", "with_stats", is_flag=True, help="Add the recorded details of each row's trial."
)
@click.option("--with-facts", is_flag=True, help="Add a column for each fact.")
@click.option(
    "--format",
    "form",
    metavar="table|NAME[:OPTION=VALUE,...]",
    help="Output format: a table with the main columns, or an exporter (see lemur list exporter).  "
    "[from the suffix of --output, else table]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File or folder to write.")
@db_option
@click.pass_context
def data(
    context: click.Context,
    /,
    best: bool,
    form: str | None,
    output: Path | None,
    db: str,
    **options: Any,
) -> None:
    """Print recorded results, one row per trial and epoch."""
    form = form or _format_of(output)
    if options["columns"] is not None:
        options["columns"] = [name.strip() for name in options["columns"].split(",")]
    arguments = arguments_of(db, options) | {"only_best": best or options["unique_nn"]}
    if form == _TABLE:
        _show_table(arguments, db, output)
    else:
        flags = {option.name or "": option.opts[0] for option in context.command.params}
        spelling = flags | {"only_best": "--best"}
        written = write_results(form, output, db, arguments, spelling=spelling)
        if written.rows == 0 or "state" in arguments["where"]:
            _report_trials_without_epochs(arguments, db)


def _show_table(arguments: dict[str, Any], db: str, output: Path | None) -> None:
    from lemur_core.store.reading.reader import data as read

    frame = read(**arguments, db=db)
    if frame.empty or "state" in arguments["where"]:
        _report_trials_without_epochs(arguments, db)
    _show(_text(frame, arguments["columns"], _extra_columns(frame)), output)


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


def _extra_columns(frame: DataFrame) -> list[str]:
    """Return the columns shown beside those of every table: roles, positions and facts."""
    from lemur_core.store.reading.collected import ROLES
    from lemur_core.store.reading.frame import is_fact

    return [name for name in frame if name in ROLES or is_fact(name)]


def _format_of(output: Path | None) -> str:
    """Return the exporter with the name of the file's suffix; ``table`` if there is none."""
    from lemur_core.registry import installed

    suffix = output.suffix.lower().removeprefix(".") if output else ""
    return suffix if suffix in installed().names("exporter") else _TABLE


def _show(text: str, output: Path | None) -> None:
    if output is None:
        print_text(text)
    else:
        with replacement(output) as path:
            path.write_text(f"{escape(unstyled(text))}\n", encoding="utf-8")


def _text(frame: DataFrame, columns: list[str] | None, extra: Sequence[str]) -> str:
    if columns is not None and len(frame):
        # Column by column: a common dtype would turn integers into floats.
        cells = (map(_cell_text, frame[name].tolist()) for name in frame)
        return text_table(list(frame.columns), list(zip(*cells, strict=True)))
    return tables(frame, extra)


def tables(frame: DataFrame, more: Sequence[str] = ()) -> str:
    """Return rows as one table for each task, dataset and metric.

    Args:
        frame: The rows.
        more: Columns to show in addition to those of every table.
    """
    if not len(frame):
        return "no such rows"
    groups = frame.groupby(["task", "dataset", "metric"], sort=False)
    return "\n\n".join(headed("_".join(where), _table(group, more)) for where, group in groups)


def _table(frame: DataFrame, more: Sequence[str]) -> str:
    # Without an estimator there are no predictions.
    predicted = ["predicted"] if frame["predicted"].notna().any() else []
    # The data label is only needed if the rows come from datasets of different content.
    data = ["data"] if frame["data"].nunique(dropna=False) > 1 else []
    rows = [
        [
            row["nn"], *(_text_of(row[name]) for name in data), row["trial"][:8],
            row["epoch"], _digits(row["accuracy"], 4),
            _digits(row["validation"], 4), *(_digits(row[name], 4) for name in predicted),
            _digits(row["duration"], 1, 1e9), *(_cell_text(row[name]) for name in more),
            prm_text(_prm(row)),
        ]
        for row in frame.to_dict("records")
    ]  # fmt: skip
    headers = ["net", *data, "trial", "epoch", "accuracy", "validation", *predicted, "seconds"]
    return text_table([*headers, *more, "hyperparameters"], rows)


def _cell_text(value: Any) -> str:
    from lemur_core.store.reading.columns import is_missing

    return "-" if is_missing(value) else str(value)


def _digits(value: Any, digits: int, unit: float = 1.0) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else f"{value / unit:.{digits}f}"


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else "unknown"


def _prm(row: dict[str, Any]) -> dict[str, Any]:
    if "prm" in row:
        return dict(row["prm"])
    from lemur_core.store.reading.columns import is_missing

    prefix = "prm."
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and not is_missing(value)
    }
