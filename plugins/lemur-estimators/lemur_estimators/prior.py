"""The prior probability of each model, from published curves and earlier trials of the study.

The weights in ``prior.json`` were learned by expectation maximisation from half of LEMUR's
published learning curves (Goodarzi et al., LEMUR Neural Network Dataset, 2025).
``benchmarks/prior.py`` reproduces them.
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

# All published nets learned. In a search, many nets never learn, and some learn late. These weights
# of nets that learn late, of nets that never learn, and of all models alike are added to the
# published weights, which sum to 1.
_LATE, _NEVER, _UNSEEN = 0.9, 0.3, 0.02
# The index in `evidence.GAINS` from which a gain is large.
_LARGE = 3
# The number of earlier trials that have the same weight as the published curves.
_WORTH = 30
# The number of latest earlier trials that are used.
_REMEMBERED = 300


@cache
def published() -> Array:
    """Return the probability of each model, shape ``(models,)``."""
    text = files("lemur_estimators").joinpath("prior.json").read_text(encoding="utf-8")
    learned = np.array(json.loads(text)["weights"], dtype=np.float64).reshape(models())
    weights = learned / learned.sum() + _LATE * _late(learned.sum((0, 1)))
    weights[0, 0] += _NEVER * learned.sum((0, 1)) / learned.sum()
    # Models that explain no published curve are still possible.
    weights += _UNSEEN / weights.size
    shares: Array = (weights / weights.sum()).ravel()
    return shares


@cache
def begin_late() -> Array:
    """Return 1 for each model with a late and large rise, else 0, shape ``(models,)``."""
    late = np.zeros(models())
    late[[index for index, shape in enumerate(shapes()) if shape.late], _LARGE:] = 1
    return late.ravel()


def _late(noises: Array) -> Array:
    """Return the probability of each model with a late and large rise."""
    # The longer a curve is flat, the less probable is a rise.
    waited = np.array([shape.late or np.inf for shape in shapes()])
    late = begin_late().reshape(models()) * noises / waited[:, None, None]
    shares: Array = late / late.sum()
    return shares


def of_study(curves: Sequence[Curve]) -> Array:
    """Return the prior probability of each model in a study with these earlier trials.

    Trials that were stopped early also count, by the scores that they have. Otherwise the prior
    would be biased towards the trials that were trained longest.
    """
    posteriors = [_share(curve.epochs, curve.scores) for curve in curves[-_REMEMBERED:]]
    count = len(posteriors)
    shares: Array = (_WORTH * published() + np.sum(posteriors, axis=0)) / (_WORTH + count)
    return shares


@lru_cache(maxsize=4096)
def _share(epochs: tuple[float, ...], scores: tuple[float, ...]) -> Array:
    highest = np.maximum.accumulate(scores)[None]
    horizon = horizon_of(epochs, epochs[-1])
    shares: Array = horizon.posterior(highest, np.log(published())).weights[0]
    return shares


@lru_cache(maxsize=512)
def horizon_of(epochs: tuple[float, ...], last: float) -> Horizon:
    """Return the cached `Horizon` of curves that were measured at these epochs."""
    return Horizon(np.array(epochs), last)
