"""Runs of nets, and bootstrap intervals of statistics of their scores.

A run is a trial; its score is the highest of its epochs. Runs are resampled within their dataset.
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
    """Scores of the runs of nets on the datasets that all of the nets share.

    Attributes:
        where: Values of the columns that the runs are grouped by, by column.
        scores: One array of scores per dataset for each net; the datasets and their order are the
            same for all nets.
        dropped_nets: Nets left out because they have no run on some of the datasets.
        dropped_datasets: Datasets left out because some of the nets have no run there.
    """

    where: dict[str, Any]
    scores: dict[str, list[Array]]
    dropped_nets: list[str] = field(default_factory=list)
    dropped_datasets: list[str] = field(default_factory=list)

    def counts(self, net: str) -> dict[str, Any]:
        """Return the numbers of datasets and runs of a net, and of dropped nets and datasets."""
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
    """Yield the runs of the nets in a frame, for each task and metric.

    Args:
        frame: Results with ``dataset``, ``nn``, ``accuracy``, and ``trial`` or ``prm``.
        keep: What to keep if nets have no runs on some datasets, ``blocks`` or ``nets``, as in
            `complete_blocks`; a block is a dataset.
        within: Columns to group by; nets are compared within each group.

    Raises:
        SettingsError: The frame lacks a column, or an option is unknown.
    """
    check_columns(frame, ("dataset", "nn", "accuracy"))
    run_ids = frame["trial"] if "trial" in frame.columns else settings(frame)
    if run_ids is None:
        raise SettingsError("the frame has no column 'trial' or 'prm', so its runs are unknown")
    rows = frame.assign(accuracy=numbers(frame, "accuracy"), run=run_ids).dropna(
        subset=["accuracy"]
    )
    group_columns = present(rows, within)
    block = [name for name in present(rows, CELL) if name not in group_columns]
    rows["block"] = ""
    for name in block:
        rows["block"] = rows["block"] + ("/" if name != block[0] else "") + rows[name].astype(str)
    for key, part in rows.groupby(group_columns, observed=True) if group_columns else [((), rows)]:
        best = part.groupby(["block", "nn", "run"], observed=True)["accuracy"].max()
        groups = dict(iter(best.groupby(["block", "nn"], observed=True)))
        complete = complete_part(best.groupby(["block", "nn"]).max().unstack("nn"), keep)
        scores = {
            # Sort the scores so that the resamples of a seed do not depend on the order of trials.
            net: [np.sort(groups[dataset, net].to_numpy()) for dataset in complete.scores.index]
            for net in complete.scores.columns
        }
        where = dict(zip(group_columns, key, strict=True))
        yield Runs(where, scores, complete.dropped_nets, complete.dropped_blocks)


def interval(
    samples: Sequence[Array],
    statistic: Any,
    *,
    confidence: float,
    resamples: int,
    seed: int,
    **options: Any,
) -> tuple[Array, Array]:
    """Return the percentile bootstrap interval of a statistic; each sample is resampled separately.

    Args:
        samples: The scores of each dataset.
        statistic: Called with one array per sample and ``options``; computes along the last axis.
        confidence: Confidence level of the interval, 0 to 1.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.
        **options: Further arguments of the statistic.

    Returns:
        Lower and upper ends; NaN if a sample has only one run and cannot be resampled.
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
    """Return why samples have no interval; empty if they have one."""
    single = sum(len(scores) < 2 for scores in samples)
    return f"no interval: {single} of {len(samples)} samples have one run" if single else ""
