"""What a trial's hyperparameters say of its final score, before its scores say much.

How often earlier trials of the study came to be among its best whose hyperparameters are near: the
kernel regression of Nadaraya and Watson, 1964. Numbers are as near as they rank. Along which
hyperparameters nearness counts, and how far it reaches, is what foretells each earlier trial best
from the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lemur_core.kinds.estimator import Known
from lemur_estimators.models import Array

# Fewer trials tell nothing; more than the latest of them tell nothing new.
_FEWEST, _REMEMBERED = 10, 300
# How far nearness reaches, as a share of all values; over all of them where a hyperparameter tells
# nothing.
_REACHES = (0.05, 0.1, 0.2, 0.4, np.inf)
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
        odds: How many times higher its odds are than those of any trial of the study.
    """

    probability: float
    odds: float


def prospect(known: Known, bar: float) -> Prospect | None:
    """Return what a trial's hyperparameters say; None where they say nothing.

    Args:
        known: What is known of the study.
        bar: The score that its best reach, 0 to 1.
    """
    curves = known.curves[-_REMEMBERED:]
    best = np.array([curve.final >= bar for curve in curves], dtype=np.float64)
    count = len(best)
    if count < _FEWEST or not 0 < best.sum() < count or not known.hyperparameters:
        return None
    distances = _distances([curve.hyperparameters for curve in curves], known.hyperparameters)
    reaches = _best_reaches([apart[:-1, :-1] for apart in distances], best)
    if not np.isfinite(reaches).any():
        return None
    near = _nearness([apart[-1:, :-1] for apart in distances], reaches)[0]
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
        return _APART * (names[:, None] != names)
    numbers = np.array([_number(value) for value in values])
    earlier = np.sort(numbers[:-1][~np.isnan(numbers[:-1])])
    ranks = np.searchsorted(earlier, numbers, "left") + np.searchsorted(earlier, numbers, "right")
    # What is not known may be anything.
    places = np.where(np.isnan(numbers), 0.5, ranks / max(2 * len(earlier), 1))
    return np.abs(places[:, None] - places)


def _number(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    # A whole number may be larger than any that numpy has.
    except OverflowError:
        return np.inf if value and value > 0 else -np.inf


def _nearness(distances: Sequence[Array], reaches: Sequence[float]) -> Array:
    near = np.ones_like(distances[0])
    for apart, reach in zip(distances, reaches, strict=True):
        if np.isfinite(reach):
            near *= np.exp(-0.5 * (apart / reach) ** 2)
    return near


def _best_reaches(distances: Sequence[Array], best: Array) -> tuple[float, ...]:
    """Return the reaches that foretell trials from the others, found one after the other."""
    chosen = (np.inf,) * len(distances)
    foretold = _foretold(distances, chosen, best)
    for _ in range(_COUNT):
        better, other = max((_foretold(distances, other, best), other) for other in _others(chosen))
        if better <= foretold + _WORTH_IT:
            break
        foretold, chosen = better, other
    return chosen


def _others(reaches: tuple[float, ...]) -> Iterator[tuple[float, ...]]:
    for place, now in enumerate(reaches):
        for reach in _REACHES:
            if reach != now:
                yield (*reaches[:place], reach, *reaches[place + 1 :])


def _foretold(distances: Sequence[Array], reaches: Sequence[float], best: Array) -> float:
    """Return the log likelihood of which trials are the best, each foretold from the others."""
    near = _nearness(distances, reaches)
    np.fill_diagonal(near, 0)
    share = (best.sum() - best) / (len(best) - 1)
    probability = (near @ best + _ANY * share) / (near.sum(1) + _ANY)
    kept = np.clip(probability, 1 - _SURELY, _SURELY)
    return float(np.log(np.where(best > 0, kept, 1 - kept)).sum())
