"""Descriptive statistics of scores and times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lemur_analysis.frame import cell_columns, check_columns
from lemur_analysis.stats.columns import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame, Series

_QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}


def summary(
    frame: DataFrame,
    by: Sequence[str] = ("nn", "epoch"),
    values: Sequence[str] = ("accuracy", "seconds"),
) -> DataFrame:
    """Return descriptive statistics of scores and times for each group of rows.

    Rows are always grouped by ``task, dataset, metric`` too, as far as the frame has these columns.

    Args:
        frame: Rows with the columns ``by`` and ``values``.
        by: Columns to group by.
        values: Columns to summarise. ``seconds``, from the start of a trial to the end of its
            epoch, is computed from ``duration``; it is left out if the frame has neither column.

    Returns:
        A row per group, sorted: the columns of the group, ``rows``, and for each value, for example
        ``accuracy``, the columns ``accuracy_count`` (finite values), ``accuracy_missing`` (the
        others), ``accuracy_mean``, ``accuracy_std`` (ddof 1; NaN for one value), ``accuracy_min``,
        ``accuracy_q25``, ``accuracy_median``, ``accuracy_q75`` (with linear interpolation) and
        ``accuracy_max``.

    Raises:
        SettingsError: The frame lacks a column, or a column of ``values`` is not numeric.
    """
    keys = [*cell_columns(frame), *(name for name in by if name not in cell_columns(frame))]
    has_time = "seconds" in frame.columns or "duration" in frame.columns
    columns = [name for name in values if has_time or name != "seconds"]
    check_columns(frame, tuple(keys))
    if not keys:
        table = pd.concat([_describe(numbers(frame, name), None) for name in columns], axis=1)
        table.insert(0, "rows", len(frame))
        return table
    groups = frame.groupby(keys, sort=True, observed=True, dropna=False)
    codes = groups.ngroup()
    # Grouping by one integer is many times faster.
    parts = [_describe(numbers(frame, name), codes) for name in columns]
    table = groups.size().rename("rows").reset_index()
    return pd.concat([table, *parts], axis=1)


def _describe(values: Series, codes: Series | None) -> DataFrame:
    by = pd.Series(0, index=values.index) if codes is None else codes
    groups = values.groupby(by.to_numpy(), sort=True)
    table = pd.DataFrame({"count": groups.count()})
    table["missing"] = groups.size() - table["count"]
    table["mean"], table["std"], table["min"] = groups.mean(), groups.std(ddof=1), groups.min()
    for quartile, share in _QUARTILES.items():
        table[quartile] = groups.quantile(share)
    table["max"] = groups.max()
    return table.rename(columns=lambda statistic: f"{values.name}_{statistic}")


def best(frame: DataFrame, by: Sequence[str] = ("nn",)) -> DataFrame:
    """Return the row with the highest score of each group, within a task, dataset and metric.

    The first of tied rows is returned. Groups without a finite score have no row.

    Returns:
        Rows of the frame, sorted by task, dataset, metric and score, best first.
    """
    check_columns(frame, ("accuracy", *by))
    cells = cell_columns(frame)
    scores = numbers(frame, "accuracy").reset_index(drop=True)
    rows = frame.reset_index(drop=True)[scores.notna()]
    keys = [*cells, *(name for name in by if name not in cells)]
    order = rows.sort_values("accuracy", ascending=False, kind="stable")
    order = order.drop_duplicates(keys) if keys else order.head(1)
    return order.sort_values(cells, kind="stable") if cells else order


def overview(frame: DataFrame) -> DataFrame:
    """Return an overview of a frame, with one row per task, dataset and metric.

    Returns:
        The columns ``task, dataset, metric`` (those that the frame has), ``nets``, ``trials`` (if
        the frame has the column ``trial``), ``records``, ``missing`` (records without a finite
        score), ``epochs`` (the last epoch, if the frame has epochs), ``best_net`` and
        ``best_score``.
    """
    check_columns(frame, ("nn", "accuracy"))
    cells = cell_columns(frame)
    rows = frame.assign(
        accuracy=numbers(frame, "accuracy"), **({} if cells else {"metric": "score"})
    )
    keys = cells or ["metric"]
    groups = rows.groupby(keys, sort=True, observed=True, dropna=False)
    table = groups["nn"].nunique().rename("nets").to_frame()
    if "trial" in rows.columns:
        table["trials"] = groups["trial"].nunique()
    table["records"] = groups.size()
    table["missing"] = table["records"] - groups["accuracy"].count()
    if "epoch" in rows.columns:
        table["epochs"] = groups["epoch"].max()
    top = best(rows, by=()).set_index(keys)
    table["best_net"], table["best_score"] = top["nn"], top["accuracy"]
    return table.reset_index()


def nets(frame: DataFrame) -> DataFrame:
    """Return statistics of each net's scores, with one row per task, dataset, metric and net.

    Returns:
        The columns ``task, dataset, metric`` (those that the frame has), ``nn``, ``trials`` (if the
        frame has the column ``trial``), ``records``, ``missing`` (records without a finite score),
        ``best`` (the highest score), ``epoch`` (of the highest score, if the frame has epochs),
        ``mean``, ``std`` (ddof 1) and ``median`` of all records; sorted, best first.
    """
    check_columns(frame, ("nn", "accuracy"))
    cells = cell_columns(frame)
    keys = [*cells, "nn"]
    table = summary(frame, by=("nn",), values=("accuracy",)).set_index(keys)
    groups = frame.groupby(keys, observed=True, dropna=False)
    if "trial" in frame.columns:
        table["trials"] = groups["trial"].nunique()
    if "epoch" in frame.columns:
        table["epoch"] = best(frame).set_index(keys)["epoch"]
        table["epoch"] = table["epoch"].astype("Int64")
    names = ["trials", "rows", "missing", "max", "epoch", "mean", "std", "median"]
    table = table.rename(columns=lambda name: name.removeprefix("accuracy_")).reset_index()
    table = table[[*keys, *(name for name in names if name in table.columns)]]
    table = table.rename(columns={"rows": "records", "max": "best"})
    return table.sort_values(
        [*cells, "best"], ascending=[*[True] * len(cells), False], kind="stable", ignore_index=True
    )
