"""Noise ceilings: the best possible agreement of two datasets, given the spread of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_analysis.representativeness.correlation import pairs_of, row_correlations
from lemur_analysis.representativeness.population import valid_rows
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

_LEAST = 4
"""Minimum number of nets with at least two runs to compute a reliability."""
_MOST_DRAWN = 3_200_000
"""Maximum of splits times resamples times nets for an interval; above it, fewer splits count."""
_BLOCK = 1_000_000


class _SplitHalves(NamedTuple):
    """The split-half reliability of one dataset.

    Attributes:
        nets: Number of nets with at least two runs.
        runs: Median of their numbers of runs.
        half: Correlation of the halves, mean over splits.
        reliability: Reliability of the errors of all runs.
        resampled: Reliability in each resample of the nets.
    """

    nets: int
    runs: float
    half: float
    reliability: float
    resampled: np.ndarray


def noise_ceiling(
    runs: DataFrame,
    *,
    method: str = "spearman",
    splits: int = 100,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> DataFrame:
    """Return how reliably each dataset ranks the nets, given the spread of their runs.

    The runs of each net are split at random into two halves, and the nets are ranked by the best
    run in each half. The correlation of the two rankings, averaged over the splits, is the
    agreement of two independent repetitions with half of the runs. The Spearman-Brown formula
    2 r / (1 + r) extends it to all runs; it is exact for means and an approximation for the best
    run. Runs with different hyperparameters count as repetitions, so the luck of the search is part
    of the noise.

    Args:
        runs: A population with several rows per net and dataset, for example from
            `runs_from_results`. Nets with a single run on a dataset are ignored there.
        method: See `rank_correlations`.
        splits: Number of random splits.
        level: Confidence level of the interval, between 0 and 1.
        resamples: Number of bootstrap resamples of the nets, for the interval. With more than 64
            nets, each resample is averaged over fewer splits, 12 with 500 nets and 1 with 6,400, so
            the interval is slightly wider.
        seed: Seed of the splits and resamples.

    Returns:
        A row per dataset: ``dataset``, ``nets`` (number with at least two runs), ``runs`` (median
        of their numbers of runs), ``half`` (mean correlation of the halves), ``reliability`` (at
        least 0), ``low``, ``high``. Numbers are NaN for fewer than four nets.

    Raises:
        SettingsError: A row is invalid, or an argument is out of range.
    """
    from pandas import DataFrame

    tail = tail_of(level)
    rows = []
    for name, halves in _halves_by_dataset(runs, method, splits, resamples, seed).items():
        low, high = _quantiles(halves.resampled, tail)
        rows.append((name, halves.nets, halves.runs, halves.half, halves.reliability, low, high))
    return DataFrame(
        rows, columns=["dataset", "nets", "runs", "half", "reliability", "low", "high"]
    )


def pair_ceilings(
    runs: DataFrame,
    *,
    reference: str = "",
    method: str = "spearman",
    splits: int = 100,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> DataFrame:
    """Return the highest correlation to expect between datasets, given the noise of both.

    This is the square root of the product of their reliabilities (Spearman 1904, correction for
    attenuation). The interval combines independent resamples of the two.

    Args:
        runs: See `noise_ceiling`.
        reference: See `rank_correlations`.
        method: See `rank_correlations`.
        splits: See `noise_ceiling`.
        level: See `noise_ceiling`.
        resamples: See `noise_ceiling`.
        seed: See `noise_ceiling`.

    Returns:
        A row per pair: ``dataset``, ``other``, ``ceiling``, ``low``, ``high``, all 0 to 1, or NaN
        if a reliability is NaN.

    Raises:
        SettingsError: See `noise_ceiling`; or the frame does not contain the reference.
    """
    from pandas import DataFrame

    tail = tail_of(level)
    halves = _halves_by_dataset(runs, method, splits, resamples, seed)
    rows = []
    for first, second in pairs_of(DataFrame(columns=list(halves)), reference):
        a, b = halves[first], halves[second]
        low, high = _quantiles(np.sqrt(a.resampled * b.resampled), tail)
        rows.append((first, second, float(np.sqrt(a.reliability * b.reliability)), low, high))
    return DataFrame(rows, columns=["dataset", "other", "ceiling", "low", "high"])


def _halves_by_dataset(
    runs: DataFrame, method: str, splits: int, resamples: int, seed: int
) -> dict[str, _SplitHalves]:
    for name, value in (("splits", splits), ("resamples", resamples)):
        if value < 1:
            raise SettingsError(f"{name} is {value}; expected a whole number from 1")
    rows = valid_rows(runs)
    rows = rows.assign(selection=rows["selection"] if "selection" in rows else rows["error"])
    parts = rows.groupby("dataset", observed=True)
    # Each dataset has its own generator, so its numbers do not depend on the other datasets.
    return {
        str(name): _dataset_halves(
            part, method, splits, resamples, np.random.default_rng(seed + place)
        )
        for place, (name, part) in enumerate(parts)
    }


def _dataset_halves(
    rows: DataFrame, method: str, splits: int, resamples: int, rng: np.random.Generator
) -> _SplitHalves:
    groups = [errors for errors in _errors_by_net(rows) if len(errors) > 1]
    sizes = [len(errors) for errors in groups]
    median_runs = float(np.median(sizes)) if sizes else np.nan
    if len(groups) < _LEAST:
        return _SplitHalves(len(groups), median_runs, np.nan, np.nan, np.full(resamples, np.nan))
    first, second = (
        np.stack(errors, axis=-1)
        for errors in zip(*(_best_halves(errors, splits, rng) for errors in groups), strict=True)
    )
    half = float(_mean_over_splits(row_correlations(first, second, method)))
    sampled_nets = rng.integers(len(groups), size=(resamples, len(groups)))
    used = max(1, min(splits, _MOST_DRAWN // sampled_nets.size))
    # In blocks, because each copies the errors of all splits.
    blocks = np.array_split(sampled_nets, max(1, used * sampled_nets.size // _BLOCK))
    resampled = np.concatenate(
        [
            _mean_over_splits(row_correlations(first[:used, block], second[:used, block], method))
            for block in blocks
        ]
    )
    return _SplitHalves(
        len(groups), median_runs, half, float(_full_reliability(half)), _full_reliability(resampled)
    )


def _errors_by_net(rows: DataFrame) -> list[np.ndarray]:
    """Return the errors of each net's runs, sorted by selection; the nets are sorted by name."""
    ordered = rows.sort_values("selection", kind="stable").sort_values("net", kind="stable")
    errors = ordered["error"].to_numpy(dtype="float64")
    starts = np.flatnonzero((ordered["net"] != ordered["net"].shift()).to_numpy())
    return np.split(errors, starts[1:])


def _best_halves(
    errors: np.ndarray, splits: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of the best runs of both halves, for each split of one net's runs.

    Args:
        errors: The errors of the runs; the best run of a half is its first one.
        splits: Number of random splits.
        rng: Draws the splits.
    """
    sides = np.tile(np.arange(len(errors)) % 2 == 0, (splits, 1))
    sides = rng.permuted(sides, axis=1)
    return errors[sides.argmax(axis=1)], errors[(~sides).argmax(axis=1)]


def _full_reliability(half: float | np.ndarray) -> np.ndarray:
    """Return the reliability of all runs from the correlation of halves (Spearman-Brown)."""
    positive = np.maximum(half, 0)
    full: np.ndarray = 2 * positive / (1 + positive)
    return full


def _mean_over_splits(values: np.ndarray) -> np.ndarray:
    """Return the mean over the splits that have a correlation; NaN if none has."""
    defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.nansum(values, axis=0) / defined.sum(axis=0)
    return mean


def tail_of(level: float) -> float:
    """Return the probability of each tail outside a confidence level.

    Raises:
        SettingsError: The level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise SettingsError(f"level is {level}; expected a number between 0 and 1")
    return (1 - level) / 2


def _quantiles(values: np.ndarray, tail: float) -> tuple[float, float]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
