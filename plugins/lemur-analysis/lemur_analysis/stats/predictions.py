"""How well estimators predicted the final scores of trials."""

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

    An estimator predicts the final validation score of a trial. It is measured where the trial was
    trained to the end all the same, as ``lemur run --audit`` does.

    Args:
        frame: Results with ``trial``, ``epoch``, ``predicted``, and ``validation`` or else
            ``accuracy``. With ``epochs`` (asked for, of ``data(with_stats=True)``) trials that
            were ended early are left out.

    Returns:
        A row per trial: ``task, dataset, metric, nn`` (whichever the frame has), ``trial``,
        ``predicted``, ``measured`` (the highest score of its epochs, 0 to 1),
        ``predicted_low`` and ``predicted_high`` (if the frame has them), ``ended`` (whether it
        was trained to the end; missing where the frame does not say).
    """
    check_columns(frame, ("trial", "epoch", "predicted"))
    score = "validation" if "validation" in frame.columns else "accuracy"
    kept = present(frame, (*CELL, "nn", "trial"))
    more = present(frame, ENDS)
    rows = frame[kept].assign(
        predicted=numbers(frame, "predicted"),
        measured=numbers(frame, score),
        epoch=frame["epoch"],
        asked=numbers(frame, "epochs") if "epochs" in frame.columns else np.nan,
        **{name: numbers(frame, name) for name in more},
    )
    groups = rows.groupby(kept, observed=True, dropna=False, sort=False)
    table = groups.agg(
        {"predicted": "last", "measured": "max", **dict.fromkeys(more, "last"), "epoch": "max"}
        | {"asked": "max"}
    ).reset_index()
    ended = (table["epoch"] >= table["asked"]).astype("boolean").mask(table["asked"].isna())
    table = table.drop(columns=["epoch", "asked"]).assign(ended=ended)
    table = table[table["ended"].fillna(True)]
    return table.dropna(subset=["predicted", "measured"]).reset_index(drop=True)


def calibration(frame: DataFrame, *, within: Sequence[str] = CELL) -> DataFrame:
    """Return how far the predicted final scores are from the measured ones.

    Args:
        frame: As `predictions` takes it.
        within: Columns in each of whose values it is computed apart.

    Returns:
        The columns ``within``, ``trials``, ``bias`` (mean of predicted - measured), ``mae``,
        ``rmse``, ``r`` (Spearman; NaN where either does not vary), ``covered`` (share of trials
        whose measured score is between ``predicted_low`` and ``predicted_high``; NaN where the
        frame lacks them) and ``note`` (whether trials are known to have been trained to the end).
    """
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    from lemur_analysis.stats.correlations import correlation

    table = predictions(frame)
    by = present(table, within)
    rows = []
    for key, part in table.groupby(by, observed=True) if by else [((), table)]:
        if part.empty:
            continue
        known = part["ended"].notna().all()
        rank = correlation(part, "predicted", "measured", method="spearman", within=())
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "trials": len(part),
                "bias": (part["predicted"] - part["measured"]).mean(),
                "mae": mean_absolute_error(part["measured"], part["predicted"]),
                "rmse": root_mean_squared_error(part["measured"], part["predicted"]),
                "r": rank["r"].iloc[0],
                "covered": covered(part),
                "note": "" if known else "not known to be trained to the end: no column epochs",
            }
        )
    columns = [*by, "trials", "bias", "mae", "rmse", "r", "covered", "note"]
    return pd.DataFrame(rows, columns=columns)


def covered(table: DataFrame) -> float:
    """Return the share of trials whose measured score is in the predicted interval, 0 to 1."""
    if len(present(table, ENDS)) < len(ENDS):
        return float("nan")
    known = table.dropna(subset=list(ENDS))
    inside = known["measured"].between(known[ENDS[0]], known[ENDS[1]])
    return float(inside.mean()) if len(known) else float("nan")
