"""Noise ceilings of populations with one run of each net, from the repeated runs of a few nets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_analysis.representativeness.ceiling import tail_of
from lemur_analysis.representativeness.correlation import pairs_of
from lemur_analysis.representativeness.population import NET, valid_rows

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


def single_run_reliability(runs: DataFrame, *, level: float = 0.95) -> DataFrame:
    """Return how reliably one run of each net ranks the nets of a population.

    The reliability is 1 minus the variance of the runs of one net, pooled over the nets with
    several runs, divided by the variance of the first runs of all nets. This is the intraclass
    correlation ICC(1, 1) of Shrout and Fleiss (1979), and the correlation that two repetitions of
    the population are expected to have. The interval is exact for normal errors, by the
    distribution F of the ratio. The noise is assumed to be that of the repeated nets, which should
    therefore be spread over the population.

    Args:
        runs: A population in which a few nets have several rows on a dataset. The first row of each
            net belongs to the population.
        level: Confidence level of the interval, between 0 and 1.

    Returns:
        A row per dataset: ``dataset``, ``nets`` (number in the population), ``repeated`` (nets with
        at least two runs), ``noise`` (standard deviation of a net's runs), ``spread`` (standard
        deviation of the nets' first runs), ``reliability`` (0 to 1), ``low``, ``high``. The last
        three are NaN for fewer than four nets or three repetitions.

    Raises:
        SettingsError: A row is invalid, or the level is out of range.
    """
    from pandas import DataFrame
    from scipy.stats import f

    tail = tail_of(level)
    rows = []
    for name, part in _variances(runs).items():
        ends = f.ppf([tail, 1 - tail], max(part.free_within, 1), max(part.free_total, 1))
        low, high = part.reliability(ends)
        spread = (np.sqrt(part.within), np.sqrt(part.total))
        nets = part.free_total + 1
        rows.append((name, nets, part.repeated, *spread, float(part.reliability()), low, high))
    columns = ["dataset", "nets", "repeated", "noise", "spread", "reliability", "low", "high"]
    return DataFrame(rows, columns=columns)


def single_run_ceilings(
    runs: DataFrame,
    *,
    reference: str = "",
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> DataFrame:
    """Return the highest correlation to expect between datasets, given one run of each net.

    This is the square root of the product of their reliabilities, as in `pair_ceilings`.

    Args:
        runs: See `single_run_reliability`.
        reference: See `rank_correlations`.
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

    tail, variances = tail_of(level), _variances(runs)
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


def _variances(runs: DataFrame) -> dict[str, _Variances]:
    rows = valid_rows(runs)
    return {str(name): _of(part) for name, part in rows.groupby("dataset", observed=True)}


def _of(rows: DataFrame) -> _Variances:
    first = rows.drop_duplicates([*NET])["error"]
    sizes = rows.groupby("net", observed=True)["error"].transform("size")
    repeated = rows[sizes > 1].groupby("net", observed=True)["error"]
    count = repeated.ngroups
    free = int(repeated.size().sum()) - count
    squares = float(((repeated.size() - 1) * repeated.var()).sum())
    total = float(first.var()) if len(first) > 1 else np.nan
    return _Variances(count, squares / free if free else np.nan, free, total, len(first) - 1)
