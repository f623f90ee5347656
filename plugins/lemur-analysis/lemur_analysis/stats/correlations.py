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
"""Value of the column ``metric`` in the row that pools all metrics."""
_METHODS = ("pearson", "spearman")
# The interval needs 4 pairs: the standard deviation of Fisher's transform is 1 / sqrt(n - 3).
_FEWEST = 4


class _Correlation(NamedTuple):
    n: int
    r: float
    low: float
    high: float
    p: float


def mean_std(frame: DataFrame) -> DataFrame:
    """Return the mean and standard deviation of the scores of each net at each epoch.

    Groups are those of LEMUR's figure 11: records with the same task, dataset, metric, net and
    epoch. Groups with a single score are left out, as they have no standard deviation.

    Returns:
        The columns ``task, dataset, metric`` (those that the frame has), ``nn``, ``epoch``,
        ``count`` (number of scores, at least 2), ``mean`` and ``std`` (ddof 1), in units of the
        score.
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
    """Return the correlation of mean and standard deviation of the scores (LEMUR, figure 11).

    Args:
        frame: Results with ``nn``, ``epoch`` and ``accuracy``.
        pooled: Add a row for the groups of all metrics together, as in the paper; its metric is
            `POOLED`.
        confidence: Confidence level of the interval, 0 to 1.

    Returns:
        A row per metric: ``metric``, ``groups`` (their number, see `mean_std`), ``r`` (Pearson),
        ``low`` and ``high`` (Fisher's interval) and ``p`` (two-sided, null hypothesis of no
        correlation). Values are NaN if there are too few groups, or if the means or the standard
        deviations are all equal.
    """
    table = mean_std(frame)
    has_metric = "metric" in frame.columns
    metrics = sorted(frame["metric"].dropna().unique()) if has_metric else []
    parts = [(metric, table[table["metric"] == metric]) for metric in metrics]
    if pooled or not has_metric:
        parts.append((POOLED, table))
    rows = []
    for metric, part in parts:
        result = _correlate(part["mean"], part["std"], "pearson", confidence)
        rows.append({"metric": metric, **result._asdict()})
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
        frame: Rows with both columns; ``seconds`` is computed from ``duration``.
        x: Name of a numeric column.
        y: Name of another numeric column.
        method: ``pearson``, or ``spearman`` for ranks.
        within: Columns to group by; the correlation is computed within each group.
        confidence: Confidence level of the interval, 0 to 1.

    Returns:
        The columns ``within`` (those that the frame has), ``n`` (number of pairs of finite values),
        ``r``, ``low`` and ``high``, ``p`` (two-sided). The interval is Fisher's, for ranks with
        the variance of Bonett and Wright (2000). It is NaN for fewer than 4 pairs. If the values of
        a column are all equal, all results are NaN.

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
        result = _correlate(first.iloc[part.index], second.iloc[part.index], method, confidence)
        rows.append({**dict(zip(by, key, strict=True)), **result._asdict()})
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
    """Return whether values differ by more than rounding errors."""
    mean = values.mean()
    return bool(np.linalg.norm(values - mean) > 1e-12 * abs(mean))
