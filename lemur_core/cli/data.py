"""``lemur data``: recorded results, to read or to pass on."""

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


@click.command()
@click.option("--best", is_flag=True, help="The best row by validation of each pipeline and epoch.")
@click.option("--unique-nn", is_flag=True, help="The best row by validation of each net.")
@filter_options
@click.option("--max-rows", type=click.IntRange(0), help="At most so many rows.")
@click.option("--columns", metavar="A,B,...", help="These columns only, in this order.")
@click.option("--prm-as-columns", is_flag=True, help="A column for each hyperparameter.")
@click.option("--curves", "with_curves", is_flag=True, help="Add the curve of each row's trial.")
@click.option("--stats", "with_stats", is_flag=True, help="Add what is known of each row's trial.")
@click.option("--with-facts", is_flag=True, help="Add a column for each fact.")
@click.option(
    "--format",
    "form",
    metavar="table|NAME[:OPTION=VALUE,...]",
    help="A table with the columns that fit a screen, or an exporter, as lemur list exporter names "
    "them.  [by the name of --output, else table]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file or folder to write.")
@db_option
@click.pass_context
def data(
    context: click.Context,
    /,
    best: bool,
    form: str | None,
    output: Path | None,
    db: str,
    **given: Any,
) -> None:
    """Print recorded results, a row per trial and epoch."""
    form = form or _by_name(output)
    if given["columns"] is not None:
        given["columns"] = [name.strip() for name in given["columns"].split(",")]
    arguments = arguments_of(db, given) | {"only_best": best or given["unique_nn"]}
    if form == _TABLE:
        _show_table(arguments, db, output)
    else:
        flags = {option.name or "": option.opts[0] for option in context.command.params}
        spelling = flags | {"only_best": "--best"}
        written = write_results(form, output, db, arguments, spelling=spelling)
        if written.rows == 0 or "state" in arguments["where"]:
            _say_rowless(arguments, db)


def _show_table(arguments: dict[str, Any], db: str, output: Path | None) -> None:
    from lemur_core.store.reading.reader import data as read

    frame = read(**arguments, db=db)
    if frame.empty or "state" in arguments["where"]:
        _say_rowless(arguments, db)
    _show(_text(frame, arguments["columns"], _more(frame)), output)


def _say_rowless(arguments: dict[str, Any], db: str) -> None:
    """Say which trials match and have no row, as they ended before their first epoch."""
    from lemur_core.store.reading.reader import without_epochs

    names = ("task", "dataset", "metric", "nn", "nn_prefixes", "epoch", "where", "collection")
    uids = without_epochs(**{name: arguments[name] for name in names}, db=db)
    if uids:
        shown = ", ".join(uid[:8] for uid in uids[:3])
        more = ", ..." if len(uids) > 3 else ""
        who = "trial that matches has" if len(uids) == 1 else "trials that match have"
        line = f"{len(uids)} {who} no epoch and no row: lemur show trial {shown}{more}"
        print_line(line, err=True)


def _more(frame: DataFrame) -> list[str]:
    """Return the columns of a frame that a table shows as they are: roles, positions and facts."""
    from lemur_core.store.reading.collected import ROLES
    from lemur_core.store.reading.frame import is_fact

    return [name for name in frame if name in ROLES or is_fact(name)]


def _by_name(output: Path | None) -> str:
    """Return the exporter that the suffix of a file is called by."""
    from lemur_core.registry import installed

    suffix = output.suffix.lower().removeprefix(".") if output else ""
    return suffix if suffix in installed().names("exporter") else _TABLE


def _show(text: str, output: Path | None) -> None:
    if output is None:
        print_text(text)
    else:
        with replacement(output) as path:
            path.write_text(f"{escape(unstyled(text))}\n", encoding="utf-8")


def _text(frame: DataFrame, columns: list[str] | None, more: Sequence[str]) -> str:
    if columns is not None and len(frame):
        # Column by column: together, whole numbers would become others.
        cells = (map(_cell_text, frame[name].tolist()) for name in frame)
        return text_table(list(frame.columns), list(zip(*cells, strict=True)))
    return tables(frame, more)


def tables(frame: DataFrame, more: Sequence[str] = ()) -> str:
    """Return rows as a table for each task, data set and metric.

    Args:
        frame: The rows.
        more: Columns to show beside those that every table has.
    """
    if not len(frame):
        return "no such rows"
    groups = frame.groupby(["task", "dataset", "metric"], sort=False)
    return "\n\n".join(headed("_".join(where), _table(group, more)) for where, group in groups)


def _table(frame: DataFrame, more: Sequence[str]) -> str:
    # Of trials that no estimator looked at nothing is predicted.
    predicted = ["predicted"] if frame["predicted"].notna().any() else []
    # Only data sets of one name and different content need to be told apart.
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
