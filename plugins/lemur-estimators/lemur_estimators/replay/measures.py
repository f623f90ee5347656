"""Measure replays: the epochs saved, the overlap with the true best, and prediction errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lemur_estimators.replay.judge import ReplayResult

BEST = (0.1, 0.2, 0.3)
# With fewer trials, the best tenth is less than one trial.
LEAST_TRIALS = 10


@dataclass(frozen=True)
class Measures:
    """The measures of an estimator's results; scores, shares and differences are 0 to 1.

    Attributes:
        trials: The number of trials in each order.
        saved: The mean share of a trial's epochs that was saved.
        quartiles: The quartiles of this share.
        throughput: The number of trials trained in the time of one that is trained to its end.
        overlap: For each share of `BEST`, the share of the predicted best trials that are truly
            among the best.
        difference: For each share of `BEST`, the mean score of the true best trials minus that of
            the predicted best.
        error: The mean absolute error of predictions for trials that were stopped early.
        bias: The mean signed error of these predictions, predicted minus true.
        covered: The share of final scores within the interval, nominally 0.9; NaN without
            intervals.
        width: The mean width of the intervals; NaN without intervals.
        regret: The score of the true best trial minus that of the predicted best trial.
        milliseconds: The time of a decision, in milliseconds.
    """

    trials: int
    saved: float
    quartiles: tuple[float, float, float]
    throughput: float
    overlap: tuple[float, ...]
    difference: tuple[float, ...]
    error: float
    bias: float
    covered: float
    width: float
    regret: float
    milliseconds: float


def measure(results: Sequence[ReplayResult]) -> Measures:
    """Return the measures of an estimator's results.

    Measures of the best trials are means over studies and orders, weighted by the number of trials.
    They leave out studies of fewer than `LEAST_TRIALS` trials, unless there are no others.
    """
    saved = np.array([result.saved for result in results])
    early = [result for result in results if result.early]
    errors = np.array([result.predicted - result.trial.curve.final for result in early])
    within = [
        (
            result.lower - _ROUNDING <= result.trial.curve.final <= result.upper + _ROUNDING,
            result.upper - result.lower,
        )
        for result in early
        if result.lower is not None and result.upper is not None
    ]
    decisions = sum(result.decisions for result in results)
    rounds = list(_rounds(results))
    return Measures(
        len(results) // len({result.order for result in results}),
        float(saved.mean()),
        tuple(map(float, np.quantile(saved, (0.25, 0.5, 0.75)))),  # type: ignore[arg-type]
        sum(result.trial.horizon for result in results) / sum(result.epochs for result in results),
        tuple(_mean(rounds, partial(_overlap, share)) for share in BEST),
        tuple(_mean(rounds, partial(_difference, share)) for share in BEST),
        float(np.abs(errors).mean()) if early else 0.0,
        float(errors.mean()) if early else 0.0,
        float(np.mean([inside for inside, _ in within])) if within else float("nan"),
        float(np.mean([width for _, width in within])) if within else float("nan"),
        _mean(rounds, regret),
        1000 * sum(result.seconds for result in results) / max(1, decisions),
    )


Scores = NDArray[np.float64]
_ROUNDING = 1e-9


def best_kept(predicted: Scores, true: Scores, share: float) -> tuple[float, float]:
    """Return the share of the predicted best that are among the true best, and the score lost.

    The score lost is the mean score of the true best minus that of the predicted best. A trial with
    the same score as the last of the true best counts as one of them.

    >>> best_kept(np.array([0.9, 0.1, 0.8, 0.2]), np.array([0.9, 0.5, 0.4, 0.2]), 0.5)
    (0.5, 0.04999999999999993)
    """
    count = max(1, round(share * len(true)))
    chosen = true[np.argsort(-predicted, kind="stable")[:count]]
    best = np.sort(true)[::-1][:count]
    return float((chosen >= best[-1]).mean()), float(best.mean() - chosen.mean())


def regret(predicted: Scores, true: Scores) -> float:
    """Return the score of the true best trial minus that of the predicted best trial."""
    return float(true.max() - true[predicted.argmax()])


def _rounds(results: Sequence[ReplayResult]) -> Iterator[tuple[Scores, Scores]]:
    """Yield the predicted and the true scores of each study in each order."""

    def key(result: ReplayResult) -> tuple[int, str]:
        return result.order, result.trial.study

    groups = [list(group) for _, group in groupby(sorted(results, key=key), key=key)]
    for group in [group for group in groups if len(group) >= LEAST_TRIALS] or groups:
        predicted = np.array([result.predicted for result in group])
        yield predicted, np.array([result.trial.curve.final for result in group])


def _overlap(share: float, predicted: Scores, true: Scores) -> float:
    return best_kept(predicted, true, share)[0]


def _difference(share: float, predicted: Scores, true: Scores) -> float:
    return best_kept(predicted, true, share)[1]


def _mean(
    rounds: Sequence[tuple[Scores, Scores]], function: Callable[[Scores, Scores], float]
) -> float:
    weights = [len(true) for _, true in rounds]
    values = [function(predicted, true) for predicted, true in rounds]
    return float(np.average(values, weights=weights))
