"""Performance profiles: the share of runs that score above a threshold (Agarwal et al., 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemur_analysis.stats.runs import WITHIN, interval, note_of, runs_of
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from lemur_analysis.stats.runs import Array

_COLUMNS = ("nn", "threshold", "share", "low", "high", "datasets", "runs", "resamples", "note")


def performance_profile(
    frame: DataFrame,
    *,
    thresholds: int = 51,
    keep: str = "blocks",
    confidence: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
    within: Sequence[str] = WITHIN,
) -> DataFrame:
    """Return the share of each net's runs that score above each of many thresholds.

    Args:
        frame: Results with ``dataset``, ``nn``, ``accuracy``, and ``trial`` or ``prm``.
        thresholds: Number of thresholds, evenly spaced from 0 to 1.
        keep: What to keep if nets have no runs on some datasets, ``blocks`` or ``nets``, as in
            `interval_estimates`.
        confidence: Confidence level of the interval at each threshold, 0 to 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.
        within: Columns to group by; nets are compared within each group.

    Returns:
        A row per net and threshold: the columns of ``within``, ``nn``, ``threshold``, ``share``
        (0 to 1, each dataset with the same weight), ``low``, ``high``, ``datasets`` (number shared
        by all nets), ``runs`` (of the net on these), ``dropped_nets``, ``dropped_datasets``,
        ``resamples`` and ``note``.

    Raises:
        SettingsError: The frame lacks a column, or an option is out of range.
    """
    if thresholds < 2:
        raise SettingsError(f"thresholds is {thresholds}; expected a whole number from 2")
    levels = np.linspace(0, 1, thresholds)
    bootstrap: dict[str, Any] = {"confidence": confidence, "resamples": resamples, "seed": seed}
    parts = []
    for runs in runs_of(frame, keep=keep, within=within):
        for net, samples in runs.scores.items():
            low, high = interval(samples, _shares, levels=levels, **bootstrap)
            shares = {"share": _shares(*samples, levels=levels), "low": low, "high": high}
            table = pd.DataFrame({**runs.where, "nn": net, "threshold": levels, **shares})
            counts = {**runs.counts(net), "resamples": resamples, "note": note_of(samples)}
            parts.append(table.assign(**counts))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))


def _shares(*samples: Array, levels: Array) -> Array:
    mean: Array = np.mean([_above(values, levels) for values in samples], axis=0)
    return mean


def _above(values: Array, levels: Array) -> Array:
    """Return the share of the values, along the last axis, that are above each level."""
    rows = values.reshape(-1, values.shape[-1])
    # The number of levels, from the lowest, that each value is above.
    passed = np.searchsorted(levels, rows, side="left")
    cells = passed + (np.arange(len(rows)) * (len(levels) + 1))[:, None]
    counts = np.bincount(cells.ravel(), minlength=len(rows) * (len(levels) + 1))
    counts = counts.reshape(len(rows), -1)
    above = counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    return (above / rows.shape[1]).T.reshape(len(levels), *values.shape[:-1])
