"""The noise ceiling: how well two datasets could agree at best, given the spread of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_analysis.representativeness.correlation import pairs_of, row_correlations
from lemur_analysis.representativeness.population import checked
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from pandas import DataFrame

_LEAST = 4
"""Of fewer nets with two runs no reliability is computed."""


class _Halves(NamedTuple):
    """What is known of one dataset.

    Attributes:
        nets: The number of nets with two runs or more.
        runs: The median of their numbers of runs.
        half: Correlation of halves, mean over splits.
        reliability: Of the errors of all runs.
        resampled: The reliability in each resample of nets.
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
    run in each half. The correlation of the two rankings, averaged over the splits, is what two
    independent repetitions with half of the runs agree; Spearman and Brown's formula 2 r / (1 + r)
    extends it to all of the runs. The formula is exact for means and an approximation for the
    best run. Runs of different hyperparameters count as repetitions: the luck of the search is
    part of the noise.

    Args:
        runs: A population with several rows for a net and dataset, such as
            `runs_from_results` returns. Nets with one run on a dataset don't count there.
        method: See `rank_correlations`.
        splits: The number of random splits.
        level: Confidence of the interval, between 0 and 1.
        resamples: Bootstrap resamples of the nets, for the interval.
        seed: Of splits and resamples.

    Returns:
        A row per dataset: ``dataset``, ``nets`` (with two runs or more), ``runs`` (median of
        their numbers), ``half`` (mean correlation of halves), ``reliability``, ``low``, ``high``.
        Numbers are NaN for fewer than four nets, and a reliability is at least 0.

    Raises:
        SettingsError: A row is not as expected, or an argument is out of range.
    """
    from pandas import DataFrame

    tail = _tail(level)
    rows = []
    for name, of in _halves(runs, method, splits, resamples, seed).items():
        low, high = _quantiles(of.resampled, tail)
        rows.append((name, of.nets, of.runs, of.half, of.reliability, low, high))
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

    It is the root of the product of their reliabilities (Spearman 1904, correction for
    attenuation); the interval combines independent resamples of the two.

    Args:
        runs: See `noise_ceiling`.
        reference: See `rank_correlations`.
        method: See `rank_correlations`.
        splits: See `noise_ceiling`.
        level: See `noise_ceiling`.
        resamples: See `noise_ceiling`.
        seed: See `noise_ceiling`.

    Returns:
        A row per pair: ``dataset``, ``other``, ``ceiling``, ``low``, ``high``, all 0 to 1; NaN
        where a reliability is.

    Raises:
        SettingsError: See `noise_ceiling`, or the reference is no dataset of the frame.
    """
    from pandas import DataFrame

    tail = _tail(level)
    known = _halves(runs, method, splits, resamples, seed)
    rows = []
    for first, second in pairs_of(DataFrame(columns=list(known)), reference):
        a, b = known[first], known[second]
        low, high = _quantiles(np.sqrt(a.resampled * b.resampled), tail)
        rows.append((first, second, float(np.sqrt(a.reliability * b.reliability)), low, high))
    return DataFrame(rows, columns=["dataset", "other", "ceiling", "low", "high"])


def _halves(
    runs: DataFrame, method: str, splits: int, resamples: int, seed: int
) -> dict[str, _Halves]:
    for name, value in (("splits", splits), ("resamples", resamples)):
        if value < 1:
            raise SettingsError(f"{name} is {value}; expected a whole number from 1")
    rows = checked(runs)
    rows = rows.assign(selection=rows["selection"] if "selection" in rows else rows["error"])
    parts = rows.groupby("dataset", observed=True)
    # Each dataset draws on its own, so that its numbers don't depend on the others.
    return {
        str(name): _dataset(part, method, splits, resamples, np.random.default_rng(seed + place))
        for place, (name, part) in enumerate(parts)
    }


def _dataset(
    rows: DataFrame, method: str, splits: int, resamples: int, rng: np.random.Generator
) -> _Halves:
    groups = [part for _, part in rows.groupby("net", observed=True) if len(part) > 1]
    sizes = [len(part) for part in groups]
    middle = float(np.median(sizes)) if sizes else np.nan
    if len(groups) < _LEAST:
        return _Halves(len(groups), middle, np.nan, np.nan, np.full(resamples, np.nan))
    first, second = (
        np.stack(each, axis=-1)
        for each in zip(*(_best_halves(part, splits, rng) for part in groups), strict=True)
    )
    half = float(_mean(row_correlations(first, second, method)))
    drawn = rng.integers(len(groups), size=(resamples, len(groups)))
    resampled = _mean(row_correlations(first[:, drawn], second[:, drawn], method))
    return _Halves(len(groups), middle, half, float(_full(half)), _full(resampled))


def _best_halves(
    part: DataFrame, splits: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the error of the best run in each half, of each split of one net's runs."""
    # In the order of selection the best of a half is the first one.
    errors = part.sort_values("selection", kind="stable")["error"].to_numpy(dtype="float64")
    sides = np.tile(np.arange(len(errors)) % 2 == 0, (splits, 1))
    sides = rng.permuted(sides, axis=1)
    return errors[sides.argmax(axis=1)], errors[(~sides).argmax(axis=1)]


def _full(half: float | np.ndarray) -> np.ndarray:
    """Return the reliability of all runs from the correlation of halves (Spearman and Brown)."""
    positive = np.maximum(half, 0)
    full: np.ndarray = 2 * positive / (1 + positive)
    return full


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over splits, of those that have a correlation; NaN where none has one."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.nansum(values, axis=0) / known.sum(axis=0)
    return mean


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise SettingsError(f"level is {level}; expected a number between 0 and 1")
    return (1 - level) / 2


def _quantiles(values: np.ndarray, tail: float) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
