"""``lemur stats``: print statistics of recorded results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import (
    arguments_of,
    db_option,
    filter_options,
    headed,
    print_data,
    print_line,
    print_text,
    print_unrecorded,
    text_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pandas import DataFrame

TABLES = (
    "overview", "nets", "summary", "ranks", "tests", "pairs", "intervals", "correlations",
    "anomalies",
)  # fmt: skip
NO_ROWS = "no such rows"
_LONGEST = 30
_FIRST = 5
# Columns that fit in 80 characters, with their headings; other tables are shown whole.
_SHOWN_COLUMNS = {
    "summary": {
        "nn": "net", "epoch": "epoch", "accuracy_count": "n", "accuracy_missing": "missing",
        "accuracy_mean": "mean", "accuracy_std": "std", "accuracy_min": "min",
        "accuracy_median": "median", "accuracy_max": "max", "seconds_mean": "seconds",
    },
    "intervals": {
        "nn": "net", "estimate": "estimate", "value": "value", "low": "low", "high": "high",
        "datasets": "sets", "runs": "runs", "note": "note",
    },
    "pairs": {
        "x": "net", "y": "other", "wins_x": "wins", "wins_y": "losses", "ties": "ties",
        "p_nemenyi": "p Nemenyi", "p_holm": "p Holm",
    },
    "tests": {
        "blocks": "sets", "nets": "nets", "dropped_blocks": "left out", "dropped_nets": "nets out",
        "chi2": "chi2", "p": "p", "f": "F", "p_f": "p F", "critical_difference": "CD",
        "note": "note",
    },
    "anomalies": {
        "kind": "kind", "dataset": "dataset", "nn": "net", "epoch": "epoch", "value": "value",
        "meaning": "meaning",
    },
}  # fmt: skip
_NAMES = {"nn": "net", "best_net": "best net", "best_score": "score"}


@click.command()
@click.option(
    "--table",
    type=click.Choice(TABLES),
    help="Print only this table: overview of the results, nets, net and epoch (summary), average "
    "ranks over datasets, tests of the ranks, pairs of nets, bootstrap intervals, correlations of "
    "mean and standard deviation, or anomalies.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="csv and json need --table and contain all its columns.",
)
@filter_options
@db_option
def stats(table: str | None, form: str, db: str, **filters: Any) -> None:
    """Print statistics of recorded results."""
    from lemur_core import data

    if form != "table" and table is None:
        raise click.UsageError(f"--format {form} needs --table, one of {', '.join(TABLES)}")
    arguments = arguments_of(db, filters)
    frame = data(**arguments, db=db)
    if frame.empty:
        print_unrecorded(arguments, db)
        print_line(NO_ROWS, err=form != "table")
    elif form != "table":
        result = compute_table(table or "", frame)
        text = _csv(result) if form == "csv" else result.to_json(orient="records")
        print_data(f"{text}\n")
    else:
        names = [table] if table else list(_default_tables(frame))
        print_text("\n\n".join(text for name in names for text in texts(name, frame)))


def compute_table(table: str, frame: DataFrame) -> DataFrame:
    """Return the table of statistics with this name, one of `TABLES`."""
    from lemur_analysis import stats

    makers: dict[str, Callable[[DataFrame], Any]] = {
        "overview": stats.overview,
        "nets": stats.nets,
        "summary": stats.summary,
        "ranks": stats.average_ranks,
        "tests": stats.rank_test,
        "pairs": stats.pairwise_tests,
        "intervals": stats.interval_estimates,
        "correlations": lambda rows: stats.mean_std_correlation(rows, pooled=True),
        "anomalies": stats.anomalies,
    }
    result = makers[table](frame)
    assert isinstance(result, type(frame))
    return result


def _default_tables(frame: DataFrame) -> Iterator[str]:
    """Yield the names of the tables that are shown by default."""
    from lemur_analysis.frame import CELL

    yield "overview"
    if len(frame[list(CELL)].drop_duplicates()) == 1:
        yield "nets"
    yield "ranks"


def texts(name: str, frame: DataFrame) -> Iterator[str]:
    """Yield the text of each part of a table, with one part per task, dataset and metric."""
    from lemur_analysis.frame import cell_columns

    few = _too_few(frame) if name in ("ranks", "tests", "pairs") else ""
    table = compute_table(name, frame) if not few else frame.iloc[:0]
    if table.empty:
        yield headed(name, few or _EMPTY_TEXTS.get(name, NO_ROWS))
    elif name == "ranks":
        yield from _ranks(frame, table)
    elif name == "anomalies":
        yield from _anomalies(table)
    else:
        cells = ["task"] if name == "overview" else cell_columns(table)
        if name == "correlations":
            cells = []
        for key, part in table.groupby(cells, sort=False) if cells else [((name,), table)]:
            yield headed("_".join(map(_text, key)), _table(name, part.drop(columns=cells)))


def _too_few(frame: DataFrame) -> str:
    """Return why ranks cannot be computed; empty if they can."""
    for name, what in (("nn", "net"), ("dataset", "dataset")):
        if frame[name].nunique() == 1:
            return f"one {what}, {_text(frame[name].iloc[0])}: ranks over datasets need several"
    return ""


def _anomalies(table: DataFrame) -> Iterator[str]:
    """Yield the number of anomalies of each kind, and the first few of each."""
    counts = table["kind"].value_counts(sort=False).rename_axis("kind").reset_index(name="number")
    yield headed("anomalies", _table("kinds", counts))
    shown = table.groupby("kind", sort=False).head(_FIRST)
    title = f"the first {_FIRST} of each kind; --format csv has all"
    yield headed(title if len(shown) < len(table) else "all", _table("anomalies", shown))


def _ranks(frame: DataFrame, table: DataFrame) -> Iterator[str]:
    """Yield the average ranks of each task and metric with the results of the rank tests."""
    from lemur_analysis.stats import complete_blocks

    tests = compute_table("tests", frame).to_dict("records")
    for (where, blocks), test in zip(complete_blocks(frame), tests, strict=True):
        part = table
        for column, value in where.items():
            part = part[part[column] == value]
        title = f"average rank by best score over datasets, {', '.join(where.values())}"
        lines = [_blocks_line(blocks), *_test_lines(test)]
        if len(blocks.scores) > 1:
            lines.append(_table("ranks", part[["nn", "rank", "wins"]]))
        yield headed(title, "\n".join(lines))


def _blocks_line(blocks: Any) -> str:
    names = [*blocks.dropped_blocks, *blocks.dropped_nets]
    return f"{blocks.text}{f' ({_first_names(names)})' if names else ''}"


def _test_lines(test: dict[str, Any]) -> Iterator[str]:
    if test["p"] == test["p"]:
        n, k = test["blocks"], test["nets"]
        yield (
            f"Friedman chi2({k - 1}) = {test['chi2']:.2f}, p = {test['p']:.2g}; Iman-Davenport "
            f"F({k - 1}, {(k - 1) * (n - 1)}) = {test['f']:.2f}, p = {test['p_f']:.2g}"
        )
        yield f"critical difference of Nemenyi's test at 0.05: {test['critical_difference']:.2f}"
    if test["note"]:
        yield f"note: {test['note']}"


_EMPTY_TEXTS = {
    "pairs": "no two nets share two datasets",
    "anomalies": "none",
    "intervals": "no nets share a dataset",
}


def _table(name: str, part: DataFrame) -> str:
    shown = _SHOWN_COLUMNS.get(name)
    names = [column for column in shown or part.columns if column in part.columns]
    # Leave out columns that are empty in every row.
    empty = [
        column
        for column in ("missing", "accuracy_missing")
        if column in names and not part[column].any()
    ]
    empty += [
        column for column in ("note",) if column in names and not part[column].astype(bool).any()
    ]
    names = [column for column in names if column not in empty]
    columns = [[_cell(value) for value in part[column].tolist()] for column in names]
    headers = [(shown or _NAMES).get(column, column) for column in names]
    return text_table(headers, list(zip(*columns, strict=True)))


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None or value != value:
        return "-"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4f}" if 1e-4 <= abs(value) < 1e4 else f"{value:.3g}"
    return f"{value:.0f}" if isinstance(value, float) and abs(value) < 1e15 else str(value)


def _text(value: Any) -> str:
    """Return text for a cell, on one line and shortened to fit."""
    text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))
    return text if len(text) <= _LONGEST or " " in text else f"{text[: _LONGEST - 3]}..."


def _first_names(names: list[str]) -> str:
    shown = ", ".join(map(_text, names[:4]))
    return f"{shown}, ..." if len(names) > 4 else shown


def _csv(table: DataFrame) -> str:
    return str(table.to_csv(index=False)).rstrip("\n")
