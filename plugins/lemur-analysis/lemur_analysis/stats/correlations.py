"""Correlations, with confidence intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from lemur_analysis.frame import CELL, cell_columns, check_columns
from lemur_analysis.stats.columns import numbers, present
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame, Series

POOLED = "all, pooled"
"""What stands in the place of a metric's name where all are taken together."""
_METHODS = ("pearson", "spearman")
# Fewer pairs have no interval: the deviation of Fisher's transform is 1 / sqrt(n - 3).
_FEWEST = 4


class _Correlation(NamedTuple):
    n: int
    r: float
    low: float
    high: float
    p: float


def mean_std(frame: DataFrame) -> DataFrame:
    """Return the mean and standard deviation of the scores of each net at each epoch.

    Groups are those of LEMUR's figure 11: records of one task, dataset, metric, net and epoch.
    Groups of one score are left out, for they have no standard deviation.

    Returns:
        The columns ``task, dataset, metric`` (whichever the frame has), ``nn``, ``epoch``,
        ``count`` (of scores, 2 or more), ``mean`` and ``std`` (ddof 1), in units of the score.
    """
    check_columns(frame, ("nn", "epoch", "accuracy"))
    scores = frame.assign(accuracy=numbers(frame, "accuracy"))
    by = [*cell_columns(frame), "nn", "epoch"]
    groups = scores.groupby(by, sort=True, observed=True, dropna=False)["accuracy"]
    table = groups.agg(["count", "mean", "std"]).reset_index()
    return table[table["count"] > 1].reset_index(drop=True)


def mean_std_correlation(
    frame: DataFrame, *, pooled: bool = False, confidence: float = 0.95
) -> DataFrame:
    """Return how mean and standard deviation of the scores correlate (LEMUR, figure 11).

    Args:
        frame: Results with ``nn``, ``epoch`` and ``accuracy``.
        pooled: Add a row over the groups of all metrics, as the paper also gives; its metric is
            `POOLED`.
        confidence: Of the interval, 0 to 1.

    Returns:
        A row per metric: ``metric``, ``groups`` (as `mean_std` makes them), ``r`` (Pearson),
        ``low`` and ``high`` (Fisher's interval) and ``p`` (two-sided, of no correlation). They
        are NaN where there are too few groups or either does not vary.
    """
    table = mean_std(frame)
    apart = "metric" in frame.columns
    metrics = sorted(frame["metric"].dropna().unique()) if apart else []
    parts = [(metric, table[table["metric"] == metric]) for metric in metrics]
    if pooled or not apart:
        parts.append((POOLED, table))
    rows = []
    for metric, part in parts:
        found = _correlate(part["mean"], part["std"], "pearson", confidence)
        rows.append({"metric": metric, **found._asdict()})
    columns = ["metric", *_Correlation._fields]
    return pd.DataFrame(rows, columns=columns).rename(columns={"n": "groups"})


def correlation(
    frame: DataFrame,
    x: str,
    y: str,
    *,
    method: str = "pearson",
    within: Sequence[str] = CELL,
    confidence: float = 0.95,
) -> DataFrame:
    """Return the correlation of two columns.

    Args:
        frame: Rows with both columns; ``seconds`` is made of ``duration``.
        x: Name of a column of numbers.
        y: Name of another.
        method: ``pearson``, or ``spearman`` for ranks.
        within: Columns in each of whose values it is computed apart.
        confidence: Of the interval, 0 to 1.

    Returns:
        The columns ``within`` (whichever the frame has), ``n`` (pairs where both are finite),
        ``r``, ``low`` and ``high``, ``p`` (two-sided). The interval is Fisher's, for ranks with
        the variance of Bonett and Wright (2000). It is NaN below 4 pairs, and everything is
        where a column does not vary.

    Raises:
        SettingsError: A column or method is unknown.
    """
    if method not in _METHODS:
        raise SettingsError(f"method is {method!r}; expected {' or '.join(_METHODS)}")
    first, second = numbers(frame, x), numbers(frame, y)
    by = present(frame, within)
    if not by:
        return pd.DataFrame([_correlate(first, second, method, confidence)])
    rows = []
    groups = frame[by].reset_index(drop=True).groupby(by, observed=True, dropna=False)
    for key, part in groups:
        found = _correlate(first.iloc[part.index], second.iloc[part.index], method, confidence)
        rows.append({**dict(zip(by, key, strict=True)), **found._asdict()})
    return pd.DataFrame(rows, columns=[*by, *_Correlation._fields])


def _correlate(x: Series, y: Series, method: str, confidence: float) -> _Correlation:
    from scipy import stats

    if not 0 < confidence < 1:
        raise SettingsError(f"confidence is {confidence}; expected a number between 0 and 1")
    both = (x.notna() & y.notna()).to_numpy()
    first, second = x.to_numpy()[both], y.to_numpy()[both]
    n = len(first)
    if n < 2 or not (_varies(first) and _varies(second)):
        return _Correlation(n, np.nan, np.nan, np.nan, np.nan)
    function: Any = stats.pearsonr if method == "pearson" else stats.spearmanr
    result = function(first, second)
    r, p = float(result.statistic), float(result.pvalue)
    if n < _FEWEST:
        return _Correlation(n, r, np.nan, np.nan, p)
    if method == "pearson":
        low, high = result.confidence_interval(confidence)
    else:
        spread = np.sqrt((1 + r**2 / 2) / (n - 3)) * stats.norm.ppf((1 + confidence) / 2)
        centre = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
        low, high = np.tanh(centre - spread), np.tanh(centre + spread)
    return _Correlation(n, r, float(low), float(high), p)


def _varies(values: NDArray[np.float64]) -> bool:
    """Return whether values differ by more than what rounding leaves."""
    mean = values.mean()
    return bool(np.linalg.norm(values - mean) > 1e-12 * abs(mean))
