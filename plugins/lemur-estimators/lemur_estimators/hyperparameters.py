"""Predict from a trial's hyperparameters whether it will be among the best.

The prediction is the share of the best among the earlier trials of the same net with similar
hyperparameters: the kernel regression of Nadaraya and Watson, 1964. Numbers are compared by rank.
The hyperparameters that count and the widths of their kernels are those that predict the earlier
trials best from each other.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core.kinds.estimator import TrialHistory
    from lemur_estimators.models import Array

# The similarity of trials; float32 is precise enough for the many pairs.
Near = NDArray[np.float32]
# Fewer trials are not informative; more than the latest ones add no information.
_FEWEST, _REMEMBERED = 10, 150
# The widths of kernels, as shares of all values; infinity for a hyperparameter that does not count.
# After the first two, each is half of the one before.
_REACHES = (np.inf, 0.4, 0.2, 0.1, 0.05)
# The distance of different values that are not numbers.
_APART = 0.3
# The gain in log likelihood, in nats, that a further hyperparameter must bring to count, and the
# greatest number of hyperparameters that count.
_WORTH_IT, _COUNT = 6.0, 3
# The weight of the overall share of the best, in trials.
_ANY = 0.3
# The highest probability in a likelihood; the lowest is 1 minus it.
_SURELY = 0.999


class Prospect(NamedTuple):
    """A prediction from the hyperparameters of a trial.

    Attributes:
        probability: The probability that the trial will be among the best, 0 to 1.
        odds: Its odds, divided by the odds of any trial of the net.
    """

    probability: float
    odds: float


def prospect(history: TrialHistory, bar: float) -> Prospect | None:
    """Return the prediction from a trial's hyperparameters; None if they are not informative.

    Args:
        history: The trial's hyperparameters, and the earlier trials.
        bar: The score that the best trials reach, 0 to 1.
    """
    curves = history.same_net[-_REMEMBERED:]
    best = np.array([curve.final >= bar for curve in curves], dtype=np.float32)
    count = len(best)
    if count < _FEWEST or not 0 < best.sum() < count or not history.hyperparameters:
        return None
    prms = [*(curve.hyperparameters for curve in curves), history.hyperparameters]
    distances = _distances(prms)
    reaches = _best_reaches([_nearness(apart[:-1, :-1]) for apart in distances], best)
    if not any(reaches):
        return None
    last = [_nearness(apart[-1, :-1]) for apart in distances]
    near = _along(last[0][0], last, reaches)
    share = (best.sum() + 0.5) / (count + 1)
    probability = (near @ best + _ANY * share) / (near.sum() + _ANY)
    return Prospect(float(probability), float(_odds(probability) / _odds(share)))


def _odds(probability: float) -> float:
    return probability / (1 - probability)


def _distances(prms: Sequence[Mapping[str, Any]]) -> list[Array]:
    """Return the pairwise distances of trials, 0 to 1, along each hyperparameter."""
    names = sorted({name for prm in prms for name in prm})
    return [_pairwise([prm.get(name) for prm in prms]) for name in names]


def _pairwise(values: Sequence[Any]) -> Array:
    present = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        first: dict[str, int] = {}
        names = np.array([first.setdefault(str(value), len(first)) for value in values])
        apart: Array = _APART * (names[:, None] != names)
        return apart
    numbers = np.array([_number(value) for value in values])
    earlier = np.sort(numbers[:-1][~np.isnan(numbers[:-1])])
    ranks = np.searchsorted(earlier, numbers, "left") + np.searchsorted(earlier, numbers, "right")
    # An unknown value could be anything; place it in the middle.
    places = np.where(np.isnan(numbers), 0.5, ranks / max(2 * len(earlier), 1))
    distances: Array = np.abs(places[:, None] - places)
    return distances


def _number(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    # An integer may be too large for a float.
    except OverflowError:
        return np.inf if value and value > 0 else -np.inf


def _nearness(apart: Array) -> Near:
    """Return the similarity of trials at these distances, shape ``(reaches, ...)``."""
    near = np.empty((len(_REACHES), *apart.shape), np.float32)
    near[0] = 1
    near[1] = np.exp(-0.5 * (apart / _REACHES[1]) ** 2)
    for reach in range(2, len(_REACHES)):
        # Halving the width is the fourth power, which is faster than an exponential.
        near[reach] = np.square(np.square(near[reach - 1]))
    return near


def _along(near: Near, nearness: Sequence[Near], reaches: Sequence[int]) -> Near:
    """Return ``near`` times the similarities along the hyperparameters that count."""
    counting = (by_reach[reach] for by_reach, reach in zip(nearness, reaches, strict=True) if reach)
    return reduce(np.multiply, counting, near)


def _best_reaches(nearness: Sequence[Near], best: Near) -> list[int]:
    """Return the index of the best width of each hyperparameter, by greedy selection."""
    chosen = [0] * len(nearness)
    likelihood = _likelihoods(nearness[0][:1], best)[0]
    for _ in range(_COUNT):
        candidates = [
            _likelihoods(_along(near, nearness, [*chosen[:index], 0, *chosen[index + 1 :]]), best)
            for index, near in enumerate(nearness)
        ]
        index, reach = np.unravel_index(np.argmax(candidates), np.shape(candidates))
        if candidates[index][reach] <= likelihood + _WORTH_IT:
            break
        likelihood, chosen[index] = candidates[index][reach], int(reach)
    return chosen


def _likelihoods(near: Near, best: Near) -> Near:
    """Return the log likelihoods of which trials are best, each predicted from the others.

    Args:
        near: The similarity of trials, shape ``(reaches, trials, trials)``.
        best: 1 for each of the best trials, 0 for the others.
    """
    sums = near @ np.stack([best, np.ones_like(best)], axis=1)
    # Leave each trial itself out; its similarity to itself is 1.
    best_weight, weight = sums[..., 0] - best, sums[..., 1] - 1
    share = (best.sum() - best) / (len(best) - 1)
    predicted = np.clip((best_weight + _ANY * share) / (weight + _ANY), 1 - _SURELY, _SURELY)
    likelihoods: Near = np.log(np.where(best > 0, predicted, 1 - predicted)).sum(-1)
    return likelihoods
