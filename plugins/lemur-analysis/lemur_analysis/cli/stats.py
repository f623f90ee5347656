"""``lemur stats``: statistics of recorded results."""

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
    text_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

TABLES = (
    "overview", "nets", "summary", "ranks", "tests", "pairs", "intervals", "correlations",
    "anomalies",
)  # fmt: skip
NO_ROWS = "no such rows"
_LONGEST = 30
_FIRST = 5
# What of a table fits 80 columns, by the names of its columns; others are shown whole.
_SHOWN = {
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
        "kind": "kind", "dataset": "data set", "nn": "net", "epoch": "epoch", "value": "value",
        "meaning": "meaning",
    },
}  # fmt: skip
_NAMES = {"nn": "net", "best_net": "best net", "best_score": "score"}


@click.command()
@click.option(
    "--table",
    type=click.Choice(TABLES),
    help="One table only: what there is (overview), each net, each net and epoch (summary), "
    "average ranks over data sets, their tests, pairs of nets, bootstrap intervals, correlations "
    "of mean and deviation, or anomalies.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="csv and json have all columns of one table.",
)
@filter_options
@db_option
def stats(table: str | None, form: str, db: str, **given: Any) -> None:
    """Print statistics of recorded results."""
    from lemur_core import data

    if form != "table" and table is None:
        raise click.UsageError(f"--format {form} needs --table, one of {', '.join(TABLES)}")
    frame = data(**arguments_of(db, given), db=db)
    if frame.empty:
        print_line(NO_ROWS, err=form != "table")
    elif form != "table":
        found = made(table or "", frame)
        text = _csv(found) if form == "csv" else found.to_json(orient="records")
        print_data(f"{text}\n")
    else:
        names = [table] if table else list(_first(frame))
        print_text("\n\n".join(text for name in names for text in texts(name, frame)))


def made(table: str, frame: DataFrame) -> DataFrame:
    """Return a table of statistics by its name."""
    from lemur_analysis import stats

    makers = {
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
    found = makers[table](frame)
    assert isinstance(found, type(frame))
    return found


def _first(frame: DataFrame) -> Iterator[str]:
    """Yield the tables that are read first."""
    from lemur_analysis.frame import CELL

    yield "overview"
    if len(frame[list(CELL)].drop_duplicates()) == 1:
        yield "nets"
    yield "ranks"


def texts(name: str, frame: DataFrame) -> Iterator[str]:
    """Yield the text of each part of a table: of each task, data set and metric."""
    from lemur_analysis.frame import cell_columns

    few = _too_few(frame) if name in ("ranks", "tests", "pairs") else ""
    table = made(name, frame) if not few else frame.iloc[:0]
    if table.empty:
        yield headed(name, few or _NOTHING.get(name, NO_ROWS))
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
    """Return why there are no ranks; nothing: there may be some."""
    for name, what in (("nn", "net"), ("dataset", "data set")):
        if frame[name].nunique() == 1:
            return f"one {what}, {_text(frame[name].iloc[0])}: ranks over data sets need several"
    return ""


def _anomalies(table: DataFrame) -> Iterator[str]:
    """Yield how many anomalies of each kind there are, and the first of each."""
    counts = table["kind"].value_counts(sort=False).rename_axis("kind").reset_index(name="number")
    yield headed("anomalies", _table("kinds", counts))
    some = table.groupby("kind", sort=False).head(_FIRST)
    title = f"the first {_FIRST} of each kind; --format csv has all"
    yield headed(title if len(some) < len(table) else "each", _table("anomalies", some))


def _ranks(frame: DataFrame, table: DataFrame) -> Iterator[str]:
    """Yield the average ranks of each task and metric with what the tests say of them."""
    from lemur_analysis.stats import complete_blocks

    tests = made("tests", frame).to_dict("records")
    for (where, blocks), test in zip(complete_blocks(frame), tests, strict=True):
        part = table
        for column, value in where.items():
            part = part[part[column] == value]
        title = f"average rank by best score over data sets, {', '.join(where.values())}"
        lines = [_line(blocks), *_tested(test)]
        if len(blocks.scores) > 1:
            lines.append(_table("ranks", part[["nn", "rank", "wins"]]))
        yield headed(title, "\n".join(lines))


def _line(blocks: Any) -> str:
    names = [*blocks.dropped_blocks, *blocks.dropped_nets]
    return f"{blocks.text}{f' ({_some(names)})' if names else ''}"


def _tested(test: dict[str, Any]) -> Iterator[str]:
    if test["p"] == test["p"]:
        n, k = test["blocks"], test["nets"]
        yield (
            f"Friedman chi2({k - 1}) = {test['chi2']:.2f}, p = {test['p']:.2g}; Iman-Davenport "
            f"F({k - 1}, {(k - 1) * (n - 1)}) = {test['f']:.2f}, p = {test['p_f']:.2g}"
        )
        yield f"critical difference of Nemenyi's test at 0.05: {test['critical_difference']:.2f}"
    if test["note"]:
        yield f"note: {test['note']}"


_NOTHING = {
    "pairs": "no two nets share two data sets",
    "anomalies": "none",
    "intervals": "no nets share a data set",
}


def _table(name: str, part: DataFrame) -> str:
    shown = _SHOWN.get(name)
    names = [one for one in shown or part.columns if one in part.columns]
    # What is nowhere the case needs no column.
    empty = [one for one in ("missing", "accuracy_missing") if one in names and not part[one].any()]
    empty += [one for one in ("note",) if one in names and not part[one].astype(bool).any()]
    names = [one for one in names if one not in empty]
    columns = [[_cell(value) for value in part[one].tolist()] for one in names]
    headers = [(shown or _NAMES).get(one, one) for one in names]
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
    """Return text for a cell: on one line, and no longer than fits."""
    text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in str(value))
    return text if len(text) <= _LONGEST or " " in text else f"{text[: _LONGEST - 3]}..."


def _some(names: list[str]) -> str:
    shown = ", ".join(map(_text, names[:4]))
    return f"{shown}, ..." if len(names) > 4 else shown


def _csv(table: DataFrame) -> str:
    return str(table.to_csv(index=False)).rstrip("\n")
