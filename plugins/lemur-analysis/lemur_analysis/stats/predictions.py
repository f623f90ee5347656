"""Errors of estimators: predicted and measured final scores of trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.stats.columns import numbers, present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

ENDS = ("predicted_low", "predicted_high")


def predictions(frame: DataFrame) -> DataFrame:
    """Return the predicted and the measured final score of each trial that has both.

    An estimator predicts the final validation score of a trial. The measured score is known if the
    trial was nevertheless trained to the end, as with ``lemur run --audit``.

    Args:
        frame: Results with ``trial``, ``epoch``, ``predicted``, and ``validation`` or, without it,
            ``accuracy``. With the column ``epochs`` (the requested number, from
            ``data(with_stats=True)``), trials that were stopped early are left out.

    Returns:
        A row per trial: ``task, dataset, metric, nn`` (those that the frame has), ``trial``,
        ``predicted``, ``measured`` (the highest score of its epochs, 0 to 1), ``predicted_low`` and
        ``predicted_high`` (if the frame has them), ``ended`` (True: trained to the end; missing if
        the frame has no column ``epochs``).
    """
    check_columns(frame, ("trial", "epoch", "predicted"))
    score = "validation" if "validation" in frame.columns else "accuracy"
    keys = present(frame, (*CELL, "nn", "trial"))
    ends = present(frame, ENDS)
    rows = frame[keys].assign(
        predicted=numbers(frame, "predicted"),
        measured=numbers(frame, score),
        epoch=frame["epoch"],
        requested=numbers(frame, "epochs") if "epochs" in frame.columns else np.nan,
        **{name: numbers(frame, name) for name in ends},
    )
    groups = rows.groupby(keys, observed=True, dropna=False, sort=False)
    table = groups.agg(
        {"predicted": "last", "measured": "max", **dict.fromkeys(ends, "last"), "epoch": "max"}
        | {"requested": "max"}
    ).reset_index()
    ended = (table["epoch"] >= table["requested"]).astype("boolean").mask(table["requested"].isna())
    table = table.drop(columns=["epoch", "requested"]).assign(ended=ended)
    table = table[table["ended"].fillna(True)]
    return table.dropna(subset=["predicted", "measured"]).reset_index(drop=True)


def calibration(frame: DataFrame, *, within: Sequence[str] = CELL) -> DataFrame:
    """Return the errors of the predicted final scores.

    Args:
        frame: Results, as for `predictions`.
        within: Columns to group by; errors are computed within each group.

    Returns:
        The columns ``within``, ``trials``, ``bias`` (mean of predicted - measured), ``mae``,
        ``rmse``, ``r`` (Spearman; NaN if either score does not vary), ``covered`` (share of trials
        whose measured score is between ``predicted_low`` and ``predicted_high``; NaN without these
        columns) and ``note`` (empty if all trials are known to have been trained to the end).
    """
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    from lemur_analysis.stats.correlations import correlation

    table = predictions(frame)
    by = present(table, within)
    rows = []
    for key, part in table.groupby(by, observed=True) if by else [((), table)]:
        if part.empty:
            continue
        all_ended = part["ended"].notna().all()
        rank = correlation(part, "predicted", "measured", method="spearman", within=())
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "trials": len(part),
                "bias": (part["predicted"] - part["measured"]).mean(),
                "mae": mean_absolute_error(part["measured"], part["predicted"]),
                "rmse": root_mean_squared_error(part["measured"], part["predicted"]),
                "r": rank["r"].iloc[0],
                "covered": interval_coverage(part),
                "note": "" if all_ended else "not known to be trained to the end: no column epochs",
            }
        )
    columns = [*by, "trials", "bias", "mae", "rmse", "r", "covered", "note"]
    return pd.DataFrame(rows, columns=columns)


def interval_coverage(table: DataFrame) -> float:
    """Return the share of trials, 0 to 1, whose measured score is in the predicted interval."""
    if len(present(table, ENDS)) < len(ENDS):
        return float("nan")
    with_interval = table.dropna(subset=list(ENDS))
    inside = with_interval["measured"].between(with_interval[ENDS[0]], with_interval[ENDS[1]])
    return float(inside.mean()) if len(with_interval) else float("nan")
