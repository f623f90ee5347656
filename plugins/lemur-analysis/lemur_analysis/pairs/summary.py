"""Differences within pairs: summaries, ranges of scores, and the most and least different pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemur_analysis.pairs.table import Pairs, read_pairs
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

THRESHOLDS = (0.01, 0.05, 0.1, 0.2)


def summary(
    frame: DataFrame, *, scores: str | Sequence[str] = "", threshold: float = 0.05
) -> DataFrame:
    """Return statistics of the differences, with one row per task, dataset, metric and nets.

    Args:
        frame: Pairs, as for `read_pairs`.
        scores: The two columns of scores.
        threshold: Count the pairs that differ by more than this; 0 to 1.

    Returns:
        A frame with ``pairs``, their number; ``complete``, the number of pairs with both scores;
        ``failed``, the number of the others; ``repeated``, the number of rows equal to an earlier
        one in all columns, which are not left out; ``min``, ``max``, ``median``, ``mean`` of the
        absolute difference of complete pairs, 0 to 1, NaN if there are none; ``threshold``;
        ``above``, the number of complete pairs that differ by more than the threshold; ``share``,
        their share of the complete pairs.
    """
    _check_share("threshold", threshold)

    def row(part: Pairs) -> dict[str, object]:
        difference = part.difference.dropna()
        above = int((difference > threshold).sum())
        hashable = part.frame.astype(dict.fromkeys(_objects(part.frame), str))
        return {
            "pairs": len(part.frame),
            "complete": len(difference),
            "failed": len(part.frame) - len(difference),
            "repeated": int(hashable.duplicated().sum()),
            **{name: difference.agg(name) for name in ("min", "max", "median", "mean")},
            "threshold": threshold,
            "above": above,
            "share": above / len(difference) if len(difference) else np.nan,
        }

    return pd.DataFrame([key | row(part) for key, part in read_pairs(frame, scores).groups()])


def shares(
    frame: DataFrame,
    *,
    scores: str | Sequence[str] = "",
    thresholds: Sequence[float] = THRESHOLDS,
) -> DataFrame:
    """Return how many pairs differ by more than each threshold.

    Returns:
        A frame with ``threshold``; ``above``, the number of complete pairs that differ by more;
        ``complete``, the number of complete pairs; ``share``, 0 to 1, NaN if there are none.
    """
    return pd.concat(
        [
            summary(frame, scores=scores, threshold=threshold).drop(
                columns=["pairs", "failed", "repeated", "min", "max", "median", "mean"]
            )
            for threshold in thresholds
        ],
        ignore_index=True,
    )


def extremes(frame: DataFrame, *, scores: str | Sequence[str] = "") -> DataFrame:
    """Return the range of the scores on each side of the pairs, with one row per side.

    Returns:
        A frame with ``side``, the column of the scores; ``trainings``, the number with a score;
        ``failed``, the number without; ``min``, ``max``, ``median``, ``mean``, 0 to 1, of all
        trainings with a score, including those whose counterpart has none.
    """
    rows = []
    for key, part in read_pairs(frame, scores).groups():
        for name in part.scores:
            values = part.frame[name].dropna()
            rows.append(
                key
                | {"side": name, "trainings": len(values), "failed": len(part.frame) - len(values)}
                | {name: values.agg(name) for name in ("min", "max", "median", "mean")}
            )
    return pd.DataFrame(rows)


def top(frame: DataFrame, n: int = 3, *, scores: str | Sequence[str] = "") -> DataFrame:
    """Return the pairs that differ most, for each task, dataset, metric and nets.

    Args:
        frame: Pairs, as for `read_pairs`.
        n: Number of pairs; pairs that tie with the last one are also returned.
        scores: The two columns of scores.

    Returns:
        The rows of these pairs, with ``rank``, from 1, equal for ties; ``ties``, the number of
        pairs with exactly this difference; ``difference``, 0 to 1.
    """
    return _extreme(frame, n, scores, ascending=False)


def bottom(frame: DataFrame, n: int = 3, *, scores: str | Sequence[str] = "") -> DataFrame:
    """Return the pairs that differ least; see `top`."""
    return _extreme(frame, n, scores, ascending=True)


def _extreme(
    frame: DataFrame, n: int, scores: str | Sequence[str], *, ascending: bool
) -> DataFrame:
    if n < 1:
        raise SettingsError(f"n is {n}; expected a whole number from 1")
    tables = []
    for _, part in read_pairs(frame, scores).groups():
        pairs = part.complete
        difference = pairs.difference
        rank = difference.rank(method="min", ascending=ascending).astype(int)
        ties = difference.map(difference.value_counts())
        ranked = pairs.frame.drop(columns="difference", errors="ignore").assign(
            difference=difference
        )
        ranked.insert(0, "rank", rank)
        ranked.insert(1, "ties", ties)
        tables.append(ranked[rank <= n].sort_values("rank", kind="stable"))
    return pd.concat(tables, ignore_index=True)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise SettingsError(f"{name} is {value:g}; expected a number from 0 to 1")


def _objects(frame: DataFrame) -> list[str]:
    return [name for name in frame.columns if frame[name].dtype == object]
