"""How probable each model is before a trial's first score: from published curves, and the study's.

What is kept was learned from half of LEMUR's published learning curves (Goodarzi et al., LEMUR
Neural Network Dataset, 2025) by expectation maximisation; ``benchmarks/prior.py`` does it again.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from lemur_estimators.evidence import Horizon, models
from lemur_estimators.models import Array, shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.kinds.estimator import Curve

# Published nets are those that learned. Among nets that are searched many never do, and some begin
# late: so much is added for each, and for whatever else there may be, to a whole of 1.
_LATE, _NEVER, _UNSEEN = 0.9, 0.3, 0.02
# The gains, of `evidence.GAINS`, from this on are much.
_MUCH = 3
# As many earlier trials weigh as much as all that was published.
_WORTH = 30
# Earlier trials that are looked at: the latest.
_REMEMBERED = 300


@cache
def published() -> Array:
    """Return the probability of each model, shape ``(models,)``."""
    text = files("lemur_estimators").joinpath("prior.json").read_text(encoding="utf-8")
    learned = np.array(json.loads(text)["weights"], dtype=np.float64).reshape(models())
    weights = learned / learned.sum() + _LATE * _late(learned.sum((0, 1)))
    weights[0, 0] += _NEVER * learned.sum((0, 1)) / learned.sum()
    # What was never seen may still be.
    weights += _UNSEEN / weights.size
    return (weights / weights.sum()).ravel()


@cache
def begin_late() -> Array:
    """Return 1 for each model that begins late and then gains much, else 0; shape ``(models,)``."""
    late = np.zeros(models())
    late[[place for place, shape in enumerate(shapes()) if shape.late], _MUCH:] = 1
    return late.ravel()


def _late(noises: Array) -> Array:
    """Return the probability of models that begin late and then gain much."""
    # The longer it was flat, the less probable is its end.
    waited = np.array([shape.late or np.inf for shape in shapes()])
    late = begin_late().reshape(models()) * noises / waited[:, None, None]
    return late / late.sum()


def of_study(curves: Sequence[Curve]) -> Array:
    """Return the probability of each model in a study with these earlier trials.

    Trials that were ended early count too: as far as they went they say what they can, so that the
    study's prior does not lean to those that were trained longest.
    """
    seen = [_share(curve.epochs, curve.scores) for curve in curves[-_REMEMBERED:]]
    return (_WORTH * published() + np.sum(seen, axis=0)) / (_WORTH + len(seen))


@lru_cache(maxsize=4096)
def _share(epochs: tuple[float, ...], scores: tuple[float, ...]) -> Array:
    highest = np.maximum.accumulate(scores)[None]
    horizon = horizon_of(epochs, epochs[-1])
    return horizon.posterior(highest, np.log(published())).weights[0]


@lru_cache(maxsize=512)
def horizon_of(epochs: tuple[float, ...], last: float) -> Horizon:
    """Return what all curves measured at these epochs have in common."""
    return Horizon(np.array(epochs), last)
