"""Predict the final score of a trial from its training loss.

Losses fall before scores rise, and more evenly. The progress, which is the share of the loss of
guessing that is gone, is a curve like that of scores, and the same models predict its end. Earlier
trials of the same net determine which scores correspond to which progress.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from lemur_core.kinds.estimator import Curve
from lemur_estimators.evidence import PLACES, Outlook, outlook
from lemur_estimators.models import Array, logit, score_of
from lemur_estimators.prior import horizon_of, of_study

if TYPE_CHECKING:
    from collections.abc import Sequence

# The losses of parts of an epoch are not exact, so shares are kept this far from 0 and 1.
_EXACT = 0.002
# The odds of the share range from 1:500 to 500:1, twice the range of scores in logits. Half of the
# logit makes the progress comparable with scores.
_HALF = 0.5
# The logits of progress at which the corresponding scores are estimated, and the kernel's width.
_GRID = np.arange(-3.25, 3.3, 0.125)
_NEAR = 0.125
# The standard deviation of scores, in logits, from those that correspond to their progress, if the
# score has risen by 1.
_OFF = 0.4
_LEAST_RISE = 0.02


class Progress:
    """The relation of progress and scores in earlier trials of a net.

    Args:
        curves: The earlier trials of the net.
        guessing: The loss of guessing.
        chance: The score of guessing, 0 to 1.
    """

    def __init__(self, curves: Sequence[Curve], guessing: float, chance: float) -> None:
        # Rounding has little effect on predictions, and lets the caches below hit.
        self.guessing = float(f"{guessing:.4g}")
        pairs = [_pairs(curve, self.guessing) for curve in curves]
        pairs = [(progress, scores) for progress, scores in pairs if progress.epochs]
        self.log_prior = np.log(of_study([progress for progress, _ in pairs]))
        self.score_at = _scores_at(pairs, chance)

    def outlook(self, curve: Curve, last: float) -> Outlook | None:
        """Return the distribution of the final score, given the losses; None without losses."""
        progress, _ = _pairs(curve, self.guessing)
        if not progress.epochs:
            return None
        horizon = horizon_of(progress.epochs, last)
        posterior = horizon.posterior(np.array([progress.scores]), self.log_prior)
        rises, masses = self._rises(outlook(posterior))
        highest = max(curve.scores)
        now = float(logit(np.array(highest)))
        spreads = _OFF * np.sqrt(np.clip(rises, _LEAST_RISE, 1))
        points = now + PLACES * (rises.max() + 3 * _OFF)
        below = ndtr((points[:, None] - now - rises) / spreads) @ masses
        return Outlook(np.maximum(score_of(points), highest)[None], below[None])

    def _rises(self, end: Outlook) -> tuple[Array, Array]:
        """Return possible rises of the score, in logits, and the probability of each."""
        ends, below = logit(end.scores[0]), end.below[0]
        masses = np.diff(below, prepend=0)
        masses[-1] += 1 - below[-1]
        middles = np.concatenate((ends[:1], (ends[1:] + ends[:-1]) / 2))
        scores = np.interp(middles, _GRID, self.score_at)
        return scores - scores[0], masses


@lru_cache(maxsize=4096)
def _pairs(curve: Curve, guessing: float) -> tuple[Curve, tuple[float, ...]]:
    """Return the progress as a curve, and the highest score up to each of its epochs."""
    indices = [i for i, loss in enumerate(curve.losses) if loss is not None]
    losses = np.array([curve.losses[i] for i in indices], dtype=np.float64)
    # A loss that is not finite counts as no progress.
    gone = np.clip(1 - np.where(np.isfinite(losses), losses, math.inf) / guessing, 0, 1)
    soft = (np.maximum.accumulate(gone) + _EXACT) / (1 + 2 * _EXACT)
    progress = score_of(_HALF * logit(soft))
    highest = np.maximum.accumulate(curve.scores)
    progress_curve = Curve(tuple(curve.epochs[i] for i in indices), tuple(progress.tolist()))
    return progress_curve, tuple(highest[indices].tolist())


def _scores_at(pairs: Sequence[tuple[Curve, tuple[float, ...]]], chance: float) -> Array:
    """Return the logit of the score at each progress of the grid; it never decreases."""
    weights = np.ones_like(_GRID)
    # The prior: the score has covered the same share of the way from guessing to 1.
    sums = logit(chance + (1 - chance) * score_of(_GRID))
    for progress, scores in pairs:
        weight, total = _sums(progress.scores, scores)
        weights, sums = weights + weight, sums + total
    return np.maximum.accumulate(sums / weights)


@lru_cache(maxsize=4096)
def _sums(progress: tuple[float, ...], scores: tuple[float, ...]) -> tuple[Array, Array]:
    """Return a trial's weight at each progress of the grid, and the weighted sum of its scores."""
    near = np.exp(-0.5 * ((_GRID[:, None] - logit(np.array(progress))) / _NEAR) ** 2)
    return near.sum(1), near @ logit(np.array(scores))
