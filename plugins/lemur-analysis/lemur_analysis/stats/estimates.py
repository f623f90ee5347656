"""Interval estimates of nets' scores over trials and datasets, as in rliable.

R. Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS
2021. A run is a trial; its score is the highest of its epochs. All datasets have the same weight,
regardless of their number of trials. Trials are resampled within their dataset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.frame import check_columns
from lemur_analysis.stats.runs import WITHIN, interval, note_of, runs_of
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame

    Array = NDArray[np.float64]

_COLUMNS = ("nn", "estimate", "value", "low", "high", "datasets", "runs", "resamples", "note")
ESTIMATES = ("iqm", "median", "mean", "optimality_gap")


def interval_estimates(
    frame: DataFrame,
    *,
    target: float = 1.0,
    keep: str = "blocks",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    within: Sequence[str] = WITHIN,
) -> DataFrame:
    """Return estimates of each net's score with stratified bootstrap intervals.

    Nets are compared on the same datasets; nets without runs on some of them are left out. Scores
    of different datasets are averaged, so they should be on a comparable scale. If they are not,
    select one dataset, or add ``dataset`` to ``within``.

    Args:
        frame: Results with ``dataset``, ``nn``, ``accuracy``, and ``trial`` or ``prm``.
        target: The highest useful score, used by the optimality gap.
        keep: What to keep if nets have no runs on some datasets: ``blocks`` keeps as many datasets
            as possible with at least two nets, ``nets`` as many nets as possible with at least two
            datasets.
        confidence: Confidence level of the intervals, 0 to 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.
        within: Columns to group by; nets are compared within each group.

    Returns:
        A row per net and estimate: the columns of ``within``, ``nn``, ``estimate``, ``value``,
        ``low``, ``high``, ``datasets`` (number shared by all nets), ``runs`` (of the net on
        these), ``dropped_nets``, ``dropped_datasets``, ``resamples`` and ``note``. Estimates are
        ``iqm`` (mean of the middle half of the runs), ``mean``, ``median`` (over datasets, of the
        mean of their runs) and ``optimality_gap`` (mean shortfall from ``target``). Intervals are
        percentile intervals; they are NaN, with a note, if a dataset has only one run of the net.

    Raises:
        SettingsError: The frame lacks a column, or an option is out of range.
    """
    bootstrap: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seed": seed}
    rows = []
    for runs in runs_of(frame, keep=keep, within=within):
        for net, samples in runs.scores.items():
            values = _estimates(*samples, target=target)
            ends = interval(samples, _estimates, target=target, **bootstrap)
            counts = {**runs.counts(net), "resamples": resamples, "note": note_of(samples)}
            for name, value, low, high in zip(ESTIMATES, values, *ends, strict=True):
                estimate = {"estimate": name, "value": value, "low": low, "high": high}
                rows.append({**runs.where, "nn": net, **estimate, **counts})
    return pd.DataFrame(rows, columns=None if rows else list(_COLUMNS))


def probability_of_improvement(
    frame: DataFrame,
    x: str,
    y: str,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    within: Sequence[str] = WITHIN,
) -> DataFrame:
    """Return the probability that a run of one net scores higher than a run of another.

    This is the mean of U / (runs of x * runs of y) over the datasets that both nets share, where U
    is the Mann-Whitney statistic, in which a tie counts one half.

    Args:
        frame: Results with ``dataset``, ``nn``, ``accuracy``, and ``trial`` or ``prm``.
        x: Name of a net.
        y: Name of another net.
        confidence: Confidence level of the interval, 0 to 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.
        within: Columns to group by; the nets are compared within each group.

    Returns:
        A row per group in which both nets have runs: the columns of ``within``, ``x``, ``y``,
        ``probability`` (0 to 1), ``low``, ``high``, ``datasets``, ``runs_x``, ``runs_y``,
        ``resamples``, ``note``.

    Raises:
        SettingsError: No dataset has both nets, or the frame lacks a column.
    """
    check_columns(frame, ("nn",))
    bootstrap: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seed": seed}
    rows = []
    for runs in runs_of(frame[frame["nn"].isin([x, y])], within=within):
        if {x, y} != set(runs.scores):
            continue
        first, second = runs.scores[x], runs.scores[y]
        both = [*first, *second]
        (low,), (high,) = interval(both, _improvement, **bootstrap)
        (value,) = _improvement(*both)
        result = {"x": x, "y": y, "probability": value, "low": low, "high": high}
        counts = {
            "datasets": len(first),
            "runs_x": sum(map(len, first)),
            "runs_y": sum(map(len, second)),
        }
        bootstrap_columns = {"resamples": resamples, "note": note_of(both)}
        rows.append({**runs.where, **result, **counts, **bootstrap_columns})
    if not rows:
        raise SettingsError(f"no dataset has results of both {x!r} and {y!r}")
    return pd.DataFrame(rows)


def _estimates(*samples: Array, target: float) -> Array:
    means = np.stack([scores.mean(axis=-1) for scores in samples])
    gaps = np.stack([(target - np.minimum(scores, target)).mean(axis=-1) for scores in samples])
    middle = interquartile_mean(samples)
    return np.stack([middle, np.median(means, axis=0), means.mean(axis=0), gaps.mean(axis=0)])


def interquartile_mean(samples: Sequence[Array]) -> Array:
    """Return the mean of the middle half of the values, each sample with the same weight.

    Args:
        samples: Arrays with the values along the last axis; the other axes are equal.
    """
    values = np.concatenate(samples, axis=-1)
    weights = np.concatenate(
        [np.full(scores.shape[-1], 1 / scores.shape[-1]) for scores in samples]
    )
    weights = weights / weights.sum()
    order = np.argsort(values, axis=-1)
    ends = np.cumsum(weights[order], axis=-1)
    begins = ends - weights[order]
    # The part of each value's weight that lies between the quartiles.
    inside = np.clip(np.minimum(ends, 0.75) - np.maximum(begins, 0.25), 0, None)
    total = (np.take_along_axis(values, order, axis=-1) * inside).sum(axis=-1)
    mean: Array = total / inside.sum(axis=-1)
    return mean


def _improvement(*samples: Array) -> Array:
    from scipy.stats import rankdata

    half = len(samples) // 2
    shares = []
    for x, y in zip(samples[:half], samples[half:], strict=True):
        n, m = x.shape[-1], y.shape[-1]
        ranks = rankdata(np.concatenate([x, y], axis=-1), axis=-1)[..., :n]
        shares.append((ranks.sum(axis=-1) - n * (n + 1) / 2) / (n * m))
    mean: Array = np.mean(shares, axis=0)[None]
    return mean
