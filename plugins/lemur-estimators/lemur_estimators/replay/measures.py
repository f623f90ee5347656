"""What verdicts come to: epochs saved, the best kept, and how true the predictions are."""

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
# Of fewer trials the best tenth is none.
LEAST_TRIALS = 10


@dataclass(frozen=True)
class Measures:
    """What an estimator's verdicts come to; scores, shares and differences are 0 to 1.

    Attributes:
        trials: How many were judged in each order.
        saved: Share of a trial's epochs that was saved, the mean.
        quartiles: The same: the least quarter, the half and the most.
        throughput: How many trials are trained in the time of one that is trained to its end.
        overlap: For each share of `BEST`: how many of the predicted best are truly among the best.
        difference: For each: how much better the truly best are on average.
        error: Absolute error of the predictions of trials that were ended early, the mean.
        bias: How much too high these are, the mean.
        covered: Share of final scores within the interval, which promises 0.9; NaN without.
        width: Of the intervals, the mean.
        regret: How much better the truly best trial is than the one that is taken for it.
        milliseconds: For a decision.
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


def measure(verdicts: Sequence[ReplayResult]) -> Measures:
    """Return what verdicts come to.

    What is of the best is the mean over studies and orders, each weighed by its trials; studies of
    fewer than `LEAST_TRIALS` count for the rest only, unless there are no others.
    """
    saved = np.array([one.saved for one in verdicts])
    early = [one for one in verdicts if one.early]
    off = np.array([one.predicted - one.trial.curve.final for one in early])
    within = [
        (
            one.lower - _ROUNDING <= one.trial.curve.final <= one.upper + _ROUNDING,
            one.upper - one.lower,
        )
        for one in early
        if one.lower is not None and one.upper is not None
    ]
    decisions = sum(one.decisions for one in verdicts)
    rounds = list(_rounds(verdicts))
    return Measures(
        len(verdicts) // len({one.order for one in verdicts}),
        float(saved.mean()),
        tuple(float(one) for one in np.quantile(saved, (0.25, 0.5, 0.75))),  # type: ignore[arg-type]
        sum(one.trial.horizon for one in verdicts) / sum(one.epochs for one in verdicts),
        tuple(_mean(rounds, partial(_overlap, share)) for share in BEST),
        tuple(_mean(rounds, partial(_difference, share)) for share in BEST),
        float(np.abs(off).mean()) if early else 0.0,
        float(off.mean()) if early else 0.0,
        float(np.mean([one for one, _ in within])) if within else float("nan"),
        float(np.mean([width for _, width in within])) if within else float("nan"),
        _mean(rounds, regret),
        1000 * sum(one.seconds for one in verdicts) / max(1, decisions),
    )


Scores = NDArray[np.float64]
_ROUNDING = 1e-9


def best_kept(predicted: Scores, true: Scores, share: float) -> tuple[float, float]:
    """Return which share of the predicted best is truly among them, and what they lack on average.

    A trial as good as the last of the best is one of them.

    >>> best_kept(np.array([0.9, 0.1, 0.8, 0.2]), np.array([0.9, 0.5, 0.4, 0.2]), 0.5)
    (0.5, 0.04999999999999993)
    """
    count = max(1, round(share * len(true)))
    taken = true[np.argsort(-predicted, kind="stable")[:count]]
    best = np.sort(true)[::-1][:count]
    return float((taken >= best[-1]).mean()), float(best.mean() - taken.mean())


def regret(predicted: Scores, true: Scores) -> float:
    """Return how much better the best is than the one that is taken for it."""
    return float(true.max() - true[predicted.argmax()])


def _rounds(verdicts: Sequence[ReplayResult]) -> Iterator[tuple[Scores, Scores]]:
    """Give the predicted and the true scores of each study in each order."""

    def place(one: ReplayResult) -> tuple[int, str]:
        return one.order, one.trial.study

    found = [list(ones) for _, ones in groupby(sorted(verdicts, key=place), key=place)]
    enough = [ones for ones in found if len(ones) >= LEAST_TRIALS] or found
    for ones in enough:
        predicted = np.array([one.predicted for one in ones])
        yield predicted, np.array([one.trial.curve.final for one in ones])


def _overlap(share: float, predicted: Scores, true: Scores) -> float:
    return best_kept(predicted, true, share)[0]


def _difference(share: float, predicted: Scores, true: Scores) -> float:
    return best_kept(predicted, true, share)[1]


def _mean(rounds: Sequence[tuple[Scores, Scores]], of: Callable[[Scores, Scores], float]) -> float:
    weights = [len(true) for _, true in rounds]
    return float(np.average([of(*one) for one in rounds], weights=weights))
