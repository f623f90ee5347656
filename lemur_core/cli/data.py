"""``lemur data``: recorded results, to read or to pass on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli.options import db_option
from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import prm_text
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

_BINARY = ("parquet", "xlsx")


@click.command()
@click.option("--best", is_flag=True, help="Of each pipeline and epoch, the best row only.")
@click.option("--unique-nn", is_flag=True, help="Of each net, the best row only.")
@click.option("--task", help="Rows of this task.")
@click.option("--dataset", help="Rows of this data set.")
@click.option("--metric", help="Rows of this metric.")
@click.option("--nn", "--net", "nn", help="Rows of this net.")
@click.option("--nn-prefix", "nn_prefixes", multiple=True, help="Rows of nets that begin so.")
@click.option("--epoch", type=click.IntRange(1), help="Rows of this epoch.")
@click.option(
    "--where",
    multiple=True,
    metavar="NAME=VALUE",
    help="Rows whose hyperparameter, score or state is so: batch=32,64 or lr=1e-4..1e-2.",
)
@click.option("--max-rows", type=click.IntRange(0), help="At most so many rows.")
@click.option("--columns", metavar="A,B,...", help="These columns only, in this order.")
@click.option("--prm-as-columns", is_flag=True, help="A column for each hyperparameter.")
@click.option("--curves", "with_curves", is_flag=True, help="Add the curve of each row's trial.")
@click.option("--stats", "with_stats", is_flag=True, help="Add what is known of each row's trial.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "jsonl", "parquet", "xlsx"]),
    default="table",
    show_default=True,
    help="The table has the columns that fit a screen.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file to write."
)
@db_option
def data(best: bool, form: str, output: Path | None, **filters: Any) -> None:
    """Print recorded results, a row per trial and epoch."""
    from lemur_core.store.reading.reader import data as read

    if form in _BINARY and output is None and sys.stdout.isatty():
        raise SettingsError(f"format {form!r} is no text; name a file with --output")
    filters["where"] = dict(_condition(text) for text in filters["where"])
    if filters["columns"] is not None:
        filters["columns"] = filters["columns"].split(",")
    frame = read(only_best_accuracy=best, **filters)
    if form == "table":
        _show(_text(frame, filters["columns"]), output)
    else:
        _write(frame, form, output)


def _write(frame: DataFrame, form: str, output: Path | None) -> None:
    from lemur_core.store.reading.formats import write

    if output is None:
        write(frame, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as file:
            write(frame, form, file)
    except OSError as error:
        raise SettingsError(f"{output}: {error.strerror}") from None


def _show(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")


def _condition(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise SettingsError(f"--where {text!r}: expected NAME=VALUE, as in --where batch=32,64")
    low, dots, high = value.partition("..")
    if dots:
        return name.strip(), (_bound(text, low), _bound(text, high))
    return name.strip(), [_value(part) for part in value.split(",")]


def _bound(condition: str, text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise SettingsError(
            f"--where {condition!r}: {text!r} is no number; expected a range such as 1e-4..1e-2"
        ) from None


def _value(text: str) -> Any:
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _text(frame: DataFrame, columns: list[str] | None) -> str:
    if columns is not None and len(frame):
        return text_table(columns, [[str(cell) for cell in row] for row in frame.to_numpy()])
    return tables(frame)


def tables(frame: DataFrame) -> str:
    """Return rows as a table for each task, data set and metric."""
    if not len(frame):
        return "no such rows"
    groups = frame.groupby(["task", "dataset", "metric"], sort=False)
    return "\n\n".join(headed("_".join(where), _table(group)) for where, group in groups)


def _table(frame: DataFrame) -> str:
    # Of trials that no estimator looked at nothing is predicted.
    predicted = ["predicted"] if frame["predicted"].notna().any() else []
    # Only data sets of one name and different content need to be told apart.
    data = ["data"] if frame["data"].nunique(dropna=False) > 1 else []
    rows = [
        [
            row["nn"], *(_text_of(row[name]) for name in data), row["trial"][:8],
            row["epoch"], _digits(row["accuracy"], 4),
            _digits(row["validation"], 4), *(_digits(row[name], 4) for name in predicted),
            _digits(row["duration"], 1, 1e9), prm_text(_prm(row)),
        ]
        for row in frame.to_dict("records")
    ]  # fmt: skip
    headers = ["net", *data, "trial", "epoch", "accuracy", "validation", *predicted, "seconds"]
    return text_table([*headers, "hyperparameters"], rows)


def _digits(value: Any, digits: int, unit: float = 1.0) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else f"{value / unit:.{digits}f}"


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else "unknown"


def _prm(row: dict[str, Any]) -> dict[str, Any]:
    if "prm" in row:
        return dict(row["prm"])
    prefix = "prm."
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }
