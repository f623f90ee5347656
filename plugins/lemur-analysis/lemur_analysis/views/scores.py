"""Scores of trials against a hyperparameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_analysis.frame import CELL, numbers
from lemur_analysis.views.curves import LABELS, LOWER_IS_BETTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pandas import DataFrame


@dataclass(frozen=True)
class NetScores:
    """The trials of a net: pairs of a hyperparameter's value and a score."""

    net: str
    points: list[tuple[Any, float]]


@dataclass(frozen=True)
class ScoreChart:
    """Scores of trials of one task, dataset and metric.

    Attributes:
        title: Task, dataset and metric.
        x: Name of the hyperparameter.
        label: What the scores are.
        nets: The trials of each net; the nets with the best scores first.
        categories: The values of the hyperparameter as text, sorted; empty if they are numbers.
        without: Number of trials that are not drawn because they lack the hyperparameter.
        unscored: Number of trials that are not drawn because they lack the score.
        is_loss: Whether lower scores are better.
    """

    title: str
    x: str
    label: str
    nets: list[NetScores]
    categories: list[str]
    without: int
    unscored: int
    is_loss: bool = False

    @property
    def points(self) -> list[tuple[Any, float]]:
        """The points of all nets."""
        return [point for net in self.nets for point in net.points]


def score_columns(x: str, y: str) -> list[str]:
    """Return the columns to read for scores ``y`` against the hyperparameter or column ``x``."""
    return list(dict.fromkeys(["trial", *CELL, "nn", x, y]))


def score_charts(frame: DataFrame, x: str, y: str) -> Iterator[ScoreChart]:
    """Yield a chart for each task, dataset and metric.

    Args:
        frame: A row per trial, with the columns of `score_columns`.
        x: Name of a hyperparameter or column. If a value is not a number, all are categories.
        y: Name of a column of numbers.

    Raises:
        SettingsError: ``y`` contains values that are not numbers.
    """
    scores, is_loss = numbers(frame, y), y in LOWER_IS_BETTER
    for cell, part in frame.groupby(list(CELL), sort=True, observed=True):
        values = [_plain(value) for value in part[x].tolist()]
        known = [value for value in values if value is not None]
        is_category = not all(type(value) in (int, float) for value in known)
        nets: dict[str, list[tuple[Any, float]]] = {}
        without = unscored = 0
        for net, value, score in zip(part["nn"], values, scores[part.index], strict=True):
            without += value is None
            unscored += value is not None and score != score
            if value is not None and score == score:
                nets.setdefault(net, []).append((str(value) if is_category else value, score))
        ranked = sorted(nets, key=lambda net: (-_best(nets[net], is_loss), net))
        yield ScoreChart(
            "_".join(cell), x, LABELS.get(y, y), [NetScores(net, nets[net]) for net in ranked],
            sorted({str(value) for value in known}) if is_category else [], without, unscored,
            is_loss,
        )  # fmt: skip


def _best(points: Sequence[tuple[Any, float]], is_loss: bool) -> float:
    """Return the best score, which is the highest, or of losses the negative of the lowest."""
    return max(-score if is_loss else score for _, score in points)


def _plain(value: Any) -> Any:
    """Return a value as Python has it; None if it is missing or not finite."""
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return None
    is_number = isinstance(value, float) and not math.isfinite(value)
    return None if is_number else value
