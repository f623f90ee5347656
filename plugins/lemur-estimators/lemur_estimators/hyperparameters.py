"""What a trial's hyperparameters say of its final score, before its scores say much.

How often earlier trials of its net came to be among the best whose hyperparameters are near: the
kernel regression of Nadaraya and Watson, 1964. Numbers are as near as they rank. Along which
hyperparameters nearness counts, and how far it reaches, is what foretells each earlier trial best
from the others.
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

# How near trials are; it has to be known of many pairs, and not exactly.
Near = NDArray[np.float32]
# Fewer trials tell nothing; more than the latest of them tell nothing new.
_FEWEST, _REMEMBERED = 10, 150
# How far nearness reaches, as a share of all values, and over all of them where a hyperparameter
# tells nothing. Each is half of the one before it.
_REACHES = (np.inf, 0.4, 0.2, 0.1, 0.05)
# Names that differ are so far from each other.
_APART = 0.3
# For each reach that counts the earlier trials have to be so much better foretold, in nats, and no
# more than so many count.
_WORTH_IT, _COUNT = 6.0, 3
# Trials that are like any other, which are added to those that are near.
_ANY = 0.3
_SURELY = 0.999


class Prospect(NamedTuple):
    """What hyperparameters say of a trial.

    Attributes:
        probability: That it is among the best, as far as they tell, 0 to 1.
        odds: How many times higher its odds are than those of any trial of its net.
    """

    probability: float
    odds: float


def prospect(known: TrialHistory, bar: float) -> Prospect | None:
    """Return what a trial's hyperparameters say; None where they say nothing.

    Args:
        known: What is known of the trial, and of those before it.
        bar: The score that the best reach, 0 to 1.
    """
    curves = known.of_its_net[-_REMEMBERED:]
    best = np.array([curve.final >= bar for curve in curves], dtype=np.float32)
    count = len(best)
    if count < _FEWEST or not 0 < best.sum() < count or not known.hyperparameters:
        return None
    distances = _distances([curve.hyperparameters for curve in curves], known.hyperparameters)
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


def _distances(earlier: Sequence[Mapping[str, Any]], of: Mapping[str, Any]) -> list[Array]:
    """Return how far trials are apart along each hyperparameter, 0 to 1, this one last."""
    trials = [*earlier, of]
    names = sorted({name for trial in trials for name in trial})
    return [_apart([trial.get(name) for trial in trials]) for name in names]


def _apart(values: Sequence[Any]) -> Array:
    known = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        first: dict[str, int] = {}
        names = np.array([first.setdefault(str(value), len(first)) for value in values])
        apart: Array = _APART * (names[:, None] != names)
        return apart
    numbers = np.array([_number(value) for value in values])
    earlier = np.sort(numbers[:-1][~np.isnan(numbers[:-1])])
    ranks = np.searchsorted(earlier, numbers, "left") + np.searchsorted(earlier, numbers, "right")
    # What is not known may be anything.
    places = np.where(np.isnan(numbers), 0.5, ranks / max(2 * len(earlier), 1))
    distances: Array = np.abs(places[:, None] - places)
    return distances


def _number(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    # A whole number may be larger than any that numpy has.
    except OverflowError:
        return np.inf if value and value > 0 else -np.inf


def _nearness(apart: Array) -> Near:
    """Return how near trials so far apart are, of shape [reach, ...]."""
    near = np.empty((len(_REACHES), *apart.shape), np.float32)
    near[0] = 1
    near[1] = np.exp(-0.5 * (apart / _REACHES[1]) ** 2)
    for reach in range(2, len(_REACHES)):
        # Half the reach is the fourth power, which is faster than an exponential.
        near[reach] = np.square(np.square(near[reach - 1]))
    return near


def _along(near: Near, nearness: Sequence[Near], reaches: Sequence[int]) -> Near:
    """Return how near trials are when some hyperparameters count too, each with its reach."""
    counting = (by_reach[reach] for by_reach, reach in zip(nearness, reaches, strict=True) if reach)
    return reduce(np.multiply, counting, near)


def _best_reaches(nearness: Sequence[Near], best: Near) -> list[int]:
    """Return which reaches foretell trials from the others, found one after the other."""
    chosen = [0] * len(nearness)
    foretold = _foretold(nearness[0][:1], best)[0]
    for _ in range(_COUNT):
        others = [
            _foretold(_along(near, nearness, [*chosen[:place], 0, *chosen[place + 1 :]]), best)
            for place, near in enumerate(nearness)
        ]
        place, reach = np.unravel_index(np.argmax(others), np.shape(others))
        if others[place][reach] <= foretold + _WORTH_IT:
            break
        foretold, chosen[place] = others[place][reach], int(reach)
    return chosen


def _foretold(near: Near, best: Near) -> Near:
    """Return the log likelihood of which trials are the best, each foretold from the others.

    Args:
        near: How near they are, of shape [reach, trial, trial].
        best: 1 for each of the best, 0 for others.
    """
    sums = near @ np.stack([best, np.ones_like(best)], axis=1)
    # Each is as near to itself as can be.
    among, of = sums[..., 0] - best, sums[..., 1] - 1
    share = (best.sum() - best) / (len(best) - 1)
    kept = np.clip((among + _ANY * share) / (of + _ANY), 1 - _SURELY, _SURELY)
    likelihood: Near = np.log(np.where(best > 0, kept, 1 - kept)).sum(-1)
    return likelihood
