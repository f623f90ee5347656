"""The runs of nets, and bootstrap intervals of what is computed of them.

A run is a trial, and its score the highest of its epochs. Runs are resampled within their
dataset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_analysis.frame import CELL, check_columns
from lemur_analysis.stats.blocks import complete_part
from lemur_analysis.stats.columns import numbers, present, settings
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pandas import DataFrame

    Array = NDArray[np.float64]

WITHIN = ("task", "metric")


@dataclass(frozen=True)
class Runs:
    """Scores of the runs of nets on the datasets that all of them have.

    Attributes:
        where: The values of the columns that runs are told apart by, by column.
        scores: For each net an array for each dataset, of the same datasets in one order.
        dropped_nets: Nets left out, for they have no run on some of the datasets.
        dropped_datasets: Datasets left out, for some of the nets have no run there.
    """

    where: dict[str, Any]
    scores: dict[str, list[Array]]
    dropped_nets: list[str] = field(default_factory=list)
    dropped_datasets: list[str] = field(default_factory=list)

    def counts(self, net: str) -> dict[str, Any]:
        """Return how many datasets and runs a net has, and how many others were left out."""
        samples = self.scores[net]
        return {
            "datasets": len(samples),
            "runs": sum(map(len, samples)),
            "dropped_nets": len(self.dropped_nets),
            "dropped_datasets": len(self.dropped_datasets),
        }


def runs_of(
    frame: DataFrame, *, keep: str = "blocks", within: Sequence[str] = WITHIN
) -> Iterator[Runs]:
    """Yield the runs of the nets of a frame, for each task and metric.

    Args:
        frame: Results with ``dataset``, ``nn``, ``accuracy``, and ``trial`` or ``prm``.
        keep: What to keep where nets lack some dataset: ``blocks`` or ``nets``, as
            `complete_blocks` says; a block is a dataset.
        within: Columns in each of whose values nets are compared apart.

    Raises:
        SettingsError: The frame lacks a column, or an option is unknown.
    """
    check_columns(frame, ("dataset", "nn", "accuracy"))
    own = frame["trial"] if "trial" in frame.columns else settings(frame)
    if own is None:
        raise SettingsError("the frame has no column 'trial' or 'prm', so its runs are unknown")
    rows = frame.assign(accuracy=numbers(frame, "accuracy"), run=own).dropna(subset=["accuracy"])
    apart = present(rows, within)
    block = [name for name in present(rows, CELL) if name not in apart]
    rows["block"] = ""
    for name in block:
        rows["block"] = rows["block"] + ("/" if name != block[0] else "") + rows[name].astype(str)
    for key, part in rows.groupby(apart, observed=True) if apart else [((), rows)]:
        best = part.groupby(["block", "nn", "run"], observed=True)["accuracy"].max()
        groups = dict(iter(best.groupby(["block", "nn"], observed=True)))
        kept = complete_part(best.groupby(["block", "nn"]).max().unstack("nn"), keep)
        scores = {
            # Sorted, for the order of trials must not matter to what a seed draws.
            net: [np.sort(groups[one, net].to_numpy()) for one in kept.scores.index]
            for net in kept.scores.columns
        }
        where = dict(zip(apart, key, strict=True))
        yield Runs(where, scores, kept.dropped_nets, kept.dropped_blocks)


def interval(
    samples: Sequence[Array],
    statistic: Any,
    *,
    confidence: float,
    resamples: int,
    seed: int,
    **options: Any,
) -> tuple[Array, Array]:
    """Return the percentile interval of a statistic, samples resampled each within itself.

    Args:
        samples: The scores of each dataset.
        statistic: Called with as many arrays, and ``options``; it computes along their last axis.
        confidence: Of the interval, 0 to 1.
        resamples: Number of bootstrap resamples.
        seed: Of the resamples.
        **options: Further arguments of the statistic.

    Returns:
        Both ends; NaN where a sample has one run, and so cannot be resampled.
    """
    from scipy.stats import bootstrap

    if not 0 < confidence < 1:
        raise SettingsError(f"confidence is {confidence}; expected a number between 0 and 1")
    if resamples < 1:
        raise SettingsError(f"resamples is {resamples}; expected a whole number from 1")
    values = statistic(*samples, **options)
    if min(map(len, samples)) < 2:
        return np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    result = bootstrap(
        samples,
        lambda *drawn, axis: statistic(*drawn, **options),
        n_resamples=resamples,
        batch=100,
        vectorized=True,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return result.confidence_interval.low, result.confidence_interval.high


def note_of(samples: Sequence[Array]) -> str:
    """Return why samples have no interval; nothing: they have one."""
    single = sum(len(one) < 2 for one in samples)
    return f"no interval: {single} of {len(samples)} samples have one run" if single else ""
