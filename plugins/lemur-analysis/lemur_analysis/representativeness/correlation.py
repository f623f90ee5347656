"""Rank correlations of errors between datasets and with measures of complexity, with intervals."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_analysis.representativeness.population import error_table
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame, Series

METHODS = ("spearman", "kendall", "pearson")
INTERVALS = ("fisher", "bootstrap")
_LEAST = 3
"""Minimum number of nets to compute a correlation."""


class Correlation(NamedTuple):
    """The correlation of two columns.

    Attributes:
        nets: Number of rows in which both values are present.
        correlation: -1 to 1; NaN for fewer than three nets, or if all values of a column are equal.
        low: Lower end of the confidence interval, -1 to 1; NaN if it is undefined.
        high: Upper end of the confidence interval.
        p_value: p-value of the null hypothesis of no correlation, 0 to 1.
    """

    nets: int
    correlation: float
    low: float
    high: float
    p_value: float


def rank_correlations(
    frame: DataFrame,
    *,
    reference: str = "",
    method: str = "spearman",
    interval: str = "fisher",
    level: float = 0.95,
    common: bool = False,
    resamples: int = 2000,
    seed: int = 0,
) -> DataFrame:
    """Return the rank correlations between datasets over the nets of a population.

    Args:
        frame: A population; see `lemur_analysis.representativeness.population`.
        reference: Dataset to compare all others with; "" compares all pairs.
        method: "spearman", "kendall" (tau-b) or "pearson".
        interval: "fisher" is the interval of Fisher's z with the variances of Bonett and Wright
            (Psychometrika 65, 2000): (1 + r^2 / 2) / (n - 3) for Spearman, 0.437 / (n - 4) for
            Kendall, 1 / (n - 3) for Pearson. It requires n to exceed 3, or 4 for Kendall, and is
            NaN if the correlation is -1 or 1. "bootstrap" is the percentile interval over nets.
        level: Confidence level of the interval, between 0 and 1.
        common: Use only nets that have an error on every dataset; if False, each pair uses all nets
            that have both errors.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.

    Returns:
        A row per pair: ``dataset``, ``other``, and the fields of `Correlation`.

    Raises:
        SettingsError: An argument is unknown, or a row of the frame is invalid.
    """
    table = error_table(frame)
    if common:
        table = table.dropna()
    options: dict[str, Any] = {
        "method": method,
        "interval": interval,
        "level": level,
        "resamples": resamples,
        "seed": seed,
    }
    return _frame(
        ((a, b), correlation(table[a], table[b], **options)) for a, b in pairs_of(table, reference)
    )


def pairs_of(table: DataFrame, reference: str) -> Iterator[tuple[str, str]]:
    """Return the pairs of datasets in an `error_table`: all, or those with the reference.

    Raises:
        SettingsError: The table does not contain the reference.
    """
    if not reference:
        return combinations(table.columns, 2)
    check_dataset(reference, table.columns)
    return iter([(reference, other) for other in table.columns if other != reference])


def check_dataset(name: str, known: object) -> None:
    """Check that a dataset is in the results.

    Args:
        name: Name of the dataset.
        known: The names of the datasets in the results.

    Raises:
        SettingsError: The dataset is not in the results.
    """
    names = list(map(str, known))  # type: ignore[call-overload]
    if name not in names:
        raise SettingsError(f"no dataset {name!r} in the results; they have {', '.join(names)}")


def correlation(
    x: Series,
    y: Series,
    *,
    method: str = "spearman",
    interval: str = "fisher",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Correlation:
    """Return the correlation of two columns over the rows in which both values are present.

    Args:
        x: A column of numbers.
        y: A column of numbers with the same index.
        method: See `rank_correlations`.
        interval: See `rank_correlations`.
        level: See `rank_correlations`.
        resamples: See `rank_correlations`.
        seed: See `rank_correlations`.

    Raises:
        SettingsError: An argument is unknown.
    """
    from scipy import stats

    _check(method, METHODS, "method")
    _check(interval, INTERVALS, "interval")
    if not 0 < level < 1:
        raise SettingsError(f"level is {level}; expected a number between 0 and 1")
    both = np.asarray(x.notna() & y.notna())
    first, second = (np.asarray(column[both], dtype="float64") for column in (x, y))
    count = len(first)
    if count < _LEAST or not (np.ptp(first) and np.ptp(second)):
        return Correlation(count, np.nan, np.nan, np.nan, np.nan)
    function = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}
    result = function[method](first, second)
    value = float(result.statistic)
    if interval == "fisher":
        low, high = _fisher(value, count, method, level)
    else:
        low, high = _bootstrap(first, second, method, level, resamples, seed)
    return Correlation(count, value, low, high, float(result.pvalue))


def _fisher(value: float, count: int, method: str, level: float) -> tuple[float, float]:
    """Return the ends of the confidence interval by Fisher's z."""
    from scipy.stats import norm

    least = 4 if method == "kendall" else 3
    if count <= least or abs(value) >= 1 - 1e-12:
        return np.nan, np.nan
    scale = {"spearman": 1 + value**2 / 2, "kendall": 0.437, "pearson": 1}[method]
    ends = norm.interval(level, np.arctanh(value), np.sqrt(scale / (count - least)))
    low, high = np.tanh(ends)
    return float(low), float(high)


def _bootstrap(
    x: np.ndarray, y: np.ndarray, method: str, level: float, resamples: int, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of the correlation over resampled nets."""
    rows = np.random.default_rng(seed).integers(len(x), size=(resamples, len(x)))
    values = row_correlations(x[rows], y[rows], method)
    if np.isnan(values).all():
        return np.nan, np.nan
    # Resamples that contain a single net have no correlation.
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def row_correlations(x: np.ndarray, y: np.ndarray, method: str) -> np.ndarray:
    """Return the correlation of each row of ``x`` with that of ``y``; NaN if a row is constant.

    Args:
        x: Shape ``(..., nets)``.
        y: Same shape.
        method: See `rank_correlations`.
    """
    from scipy import stats

    if method == "kendall":
        flat = zip(x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1]), strict=True)
        statistics = [stats.kendalltau(a, b).statistic for a, b in flat]
        return np.array(statistics).reshape(x.shape[:-1])
    if method == "spearman":
        x, y = stats.rankdata(x, axis=-1), stats.rankdata(y, axis=-1)
    varying = (np.ptp(x, axis=-1) > 0) & (np.ptp(y, axis=-1) > 0)
    values = np.full(x.shape[:-1], np.nan)
    # scipy.stats.pearsonr also computes p-values, and is 100 times slower.
    products = stats.zscore(x[varying], axis=-1) * stats.zscore(y[varying], axis=-1)
    values[varying] = products.mean(axis=-1).clip(-1, 1)
    return values


def complexity_correlations(
    frame: DataFrame,
    *,
    columns: tuple[str, ...] = ("depth", "width"),
    method: str = "spearman",
    interval: str = "fisher",
    level: float = 0.95,
) -> DataFrame:
    """Return the correlation of the error on each dataset with measures of the nets' complexity.

    With cumulative depth and width, this is table 4 of Tuggener et al. (2022).

    Args:
        frame: A population with the columns; see `with_totals` for ``depth`` and ``width``.
        columns: Names of columns of complexities.
        method: See `rank_correlations`.
        interval: See `rank_correlations`.
        level: See `rank_correlations`.

    Returns:
        A row per dataset and complexity, with the datasets in order of first occurrence:
        ``dataset``, ``complexity``, and the fields of `Correlation`.

    Raises:
        SettingsError: A column is missing, or a row is invalid.
    """
    from lemur_analysis.frame import check_columns
    from lemur_analysis.representativeness.population import NET, check_unique, valid_rows
    from lemur_analysis.representativeness.stages import with_totals

    rows = with_totals(valid_rows(frame))
    check_columns(rows, columns)
    check_unique(rows, NET)
    options: dict[str, Any] = {"method": method, "interval": interval, "level": level}
    return _frame(
        (
            ((name, column), correlation(part[column], part["error"], **options))
            for name, part in rows.groupby("dataset", sort=False, observed=True)
            for column in columns
        ),
        ("dataset", "complexity"),
    )


def _frame(
    rows: Iterator[tuple[tuple[str, str], Correlation]],
    names: tuple[str, str] = ("dataset", "other"),
) -> DataFrame:
    from pandas import DataFrame

    return DataFrame(
        [(*pair, *value) for pair, value in rows], columns=[*names, *Correlation._fields]
    )


def _check(value: str, allowed: tuple[str, ...], name: str) -> None:
    if value not in allowed:
        raise SettingsError(f"{name} is {value!r}; expected {', '.join(allowed)}")
