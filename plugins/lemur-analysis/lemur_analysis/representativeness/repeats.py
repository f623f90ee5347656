"""Noise ceilings of populations with one run of each net, from the repeated runs of a few nets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_analysis.representativeness.ceiling import tail_of
from lemur_analysis.representativeness.correlation import METHODS, pairs_of
from lemur_analysis.representativeness.population import NET, valid_rows
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

_LEAST = 4
"""Minimum number of nets, and of repeated runs in all, to compute a reliability."""


class _Variances(NamedTuple):
    """The variances of the errors on one dataset, with their degrees of freedom.

    Attributes:
        repeated: Number of nets with at least two runs.
        within: Variance of the runs of one net, pooled over the nets with at least two runs.
        free_within: Degrees of freedom of ``within``.
        total: Variance of the first runs of all nets.
        free_total: Degrees of freedom of ``total``.
    """

    repeated: int
    within: float
    free_within: int
    total: float
    free_total: int

    def reliability(self, ratio: float | np.ndarray = 1.0) -> np.ndarray:
        """Return the reliability if the ratio of the variances is over-estimated by a factor."""
        if min(self.free_within, self.free_total) < _LEAST - 1 or not self.total:
            return np.full(np.shape(ratio), np.nan)
        return np.clip(1 - self.within / self.total / ratio, 0, 1)


def single_run_reliability(
    runs: DataFrame, *, method: str = "spearman", level: float = 0.95
) -> DataFrame:
    """Return how reliably one run of each net ranks the nets of a population.

    The reliability is 1 minus the variance of the runs of one net, pooled over the nets with
    several runs, divided by the variance of the first runs of all nets. This is the intraclass
    correlation ICC(1, 1) of Shrout and Fleiss (1979), and the correlation that two repetitions of
    the population are expected to have. For rank correlations, each error is first replaced by its
    place among the first runs, so that a few nets with far higher errors count as all others do.
    The interval is by the distribution F of the ratio, which is exact for normal errors if the
    repeated nets are few among all. The noise is assumed to be that of the repeated nets, which
    should therefore be spread over the population.

    Args:
        runs: A population in which a few nets have several rows on a dataset. The first row of each
            net belongs to the population.
        method: "spearman" or "kendall" for rank correlations, or "pearson" for those of errors.
        level: Confidence level of the interval, between 0 and 1.

    Returns:
        A row per dataset: ``dataset``, ``nets`` (number in the population), ``repeated`` (nets with
        at least two runs), ``noise`` (standard deviation of the errors of a net's runs), ``spread``
        (standard deviation of the errors of the nets' first runs), ``reliability`` (0 to 1),
        ``low``, ``high``. The last three are NaN for fewer than four nets or three repetitions.

    Raises:
        SettingsError: A row is invalid, the level is out of range, or the method is unknown.
    """
    from pandas import DataFrame
    from scipy.stats import f

    tail = tail_of(level)
    errors = _variances(runs, "pearson")
    rows = []
    for name, part in _variances(runs, method).items():
        ends = f.ppf([tail, 1 - tail], max(part.free_within, 1), max(part.free_total, 1))
        low, high = part.reliability(ends)
        spread = (np.sqrt(errors[name].within), np.sqrt(errors[name].total))
        nets = part.free_total + 1
        rows.append((name, nets, part.repeated, *spread, float(part.reliability()), low, high))
    columns = ["dataset", "nets", "repeated", "noise", "spread", "reliability", "low", "high"]
    return DataFrame(rows, columns=columns)


def single_run_ceilings(
    runs: DataFrame,
    *,
    reference: str = "",
    method: str = "spearman",
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> DataFrame:
    """Return the highest correlation to expect between datasets, given one run of each net.

    This is the square root of the product of their reliabilities, as in `pair_ceilings`.

    Args:
        runs: See `single_run_reliability`.
        reference: See `rank_correlations`.
        method: See `single_run_reliability`.
        level: Confidence level of the interval, between 0 and 1.
        resamples: Number of draws from the distribution F of each dataset, for the interval.
        seed: Seed of the draws.

    Returns:
        A row per pair: ``dataset``, ``other``, ``ceiling``, ``low``, ``high``, all 0 to 1, or NaN
        if a reliability is NaN.

    Raises:
        SettingsError: See `single_run_reliability`; or the frame does not contain the reference.
    """
    from pandas import DataFrame

    tail, variances = tail_of(level), _variances(runs, method)
    drawn = {
        name: part.reliability(_ratios(part, resamples, seed + place))
        for place, (name, part) in enumerate(variances.items())
    }
    rows = []
    for first, second in pairs_of(DataFrame(columns=list(variances)), reference):
        product = variances[first].reliability() * variances[second].reliability()
        ends = np.quantile(np.sqrt(drawn[first] * drawn[second]), [tail, 1 - tail])
        rows.append((first, second, float(np.sqrt(product)), *map(float, ends)))
    return DataFrame(rows, columns=["dataset", "other", "ceiling", "low", "high"])


def _ratios(part: _Variances, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.f(max(part.free_within, 1), max(part.free_total, 1), count)


def _variances(runs: DataFrame, method: str) -> dict[str, _Variances]:
    if method not in METHODS:
        raise SettingsError(f"method is {method!r}; expected {', '.join(METHODS)}")
    parts = valid_rows(runs).groupby("dataset", observed=True)
    return {
        str(name): _of(part if method == "pearson" else _with_places(part)) for name, part in parts
    }


def _with_places(rows: DataFrame) -> DataFrame:
    """Return the rows with the place of each error among the first runs, in place of the error."""
    first = np.sort(rows.drop_duplicates([*NET])["error"].to_numpy())
    errors = rows["error"].to_numpy()
    # Of equal errors, the mean of their places.
    places = np.searchsorted(first, errors, "left") + np.searchsorted(first, errors, "right")
    return rows.assign(error=places / 2)


def _of(rows: DataFrame) -> _Variances:
    first = rows.drop_duplicates([*NET])["error"]
    sizes = rows.groupby("net", observed=True)["error"].transform("size")
    repeated = rows[sizes > 1].groupby("net", observed=True)["error"]
    count = repeated.ngroups
    free = int(repeated.size().sum()) - count
    squares = float(((repeated.size() - 1) * repeated.var()).sum())
    total = float(first.var()) if len(first) > 1 else np.nan
    return _Variances(count, squares / free if free else np.nan, free, total, len(first) - 1)
