"""What a trial's training loss says of its final score.

Losses fall before scores rise, and evenly. How much of the loss of guessing is gone by each epoch,
the progress, is a curve as scores are, and the same models foretell where it ends. How much better
the scores are that go with so much more of it, the study's earlier trials say.
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

# Losses of part of an epoch are not exact: what is gone is told apart no nearer to 0 and 1.
_EXACT = 0.002
# The odds of what is gone rise from 1:500 to 500:1, twice as far in logits as those of scores: half
# of these logits are a curve like others.
_HALF = 0.5
# Logits of progress for which it is known what scores go with it, and how near others count.
_GRID = np.arange(-3.25, 3.3, 0.125)
_NEAR = 0.125
# How far scores are from what goes with their progress, in logits, where it has risen by 1.
_OFF = 0.4
_LEAST_RISE = 0.02


class Progress:
    """The progress of a study's trials.

    Args:
        curves: The study's earlier trials.
        guessing: The loss of guessing.
        chance: The score of guessing, 0 to 1.
    """

    def __init__(self, curves: Sequence[Curve], guessing: float, chance: float) -> None:
        # A little more or less changes nothing, and what is known of earlier trials stays known.
        self.guessing = float(f"{guessing:.4g}")
        pairs = [_pairs(curve, self.guessing) for curve in curves]
        known = [(made, scores) for made, scores in pairs if made.epochs]
        self.log_prior = np.log(of_study([made for made, _ in known]))
        self.score_at = _scores_at(known, chance)

    def outlook(self, curve: Curve, last: float) -> Outlook | None:
        """Return how the final score is distributed by the losses; None where there are none."""
        made, _ = _pairs(curve, self.guessing)
        if not made.epochs:
            return None
        posterior = horizon_of(made.epochs, last).posterior(np.array([made.scores]), self.log_prior)
        rises, masses = self._rises(outlook(posterior))
        highest = max(curve.scores)
        now = float(logit(np.array(highest)))
        spreads = _OFF * np.sqrt(np.clip(rises, _LEAST_RISE, 1))
        places = now + PLACES * (rises.max() + 3 * _OFF)
        below = ndtr((places[:, None] - now - rises) / spreads) @ masses
        return Outlook(np.maximum(score_of(places), highest)[None], below[None])

    def _rises(self, end: Outlook) -> tuple[Array, Array]:
        """Return by how many logits the score may rise, and the probability of each."""
        ends, below = logit(end.scores[0]), end.below[0]
        masses = np.diff(below, prepend=0)
        masses[-1] += 1 - below[-1]
        middles = np.concatenate((ends[:1], (ends[1:] + ends[:-1]) / 2))
        scores = np.interp(middles, _GRID, self.score_at)
        return scores - scores[0], masses


@lru_cache(maxsize=4096)
def _pairs(curve: Curve, guessing: float) -> tuple[Curve, tuple[float, ...]]:
    """Return the progress as a curve, and the highest score by each of its epochs."""
    known = [i for i, loss in enumerate(curve.losses) if loss is not None]
    losses = np.array([curve.losses[i] for i in known], dtype=np.float64)
    # What is not finite made no progress.
    gone = np.clip(1 - np.where(np.isfinite(losses), losses, math.inf) / guessing, 0, 1)
    soft = (np.maximum.accumulate(gone) + _EXACT) / (1 + 2 * _EXACT)
    progress = score_of(_HALF * logit(soft))
    highest = np.maximum.accumulate(curve.scores)
    made = Curve(tuple(curve.epochs[i] for i in known), tuple(progress.tolist()))
    return made, tuple(highest[known].tolist())


def _scores_at(known: Sequence[tuple[Curve, tuple[float, ...]]], chance: float) -> Array:
    """Return the logit of the score that goes with each progress of the grid; it never falls."""
    weights = np.ones_like(_GRID)
    # Before any trial is known: as much of the way from guessing is gone.
    sums = logit(chance + (1 - chance) * score_of(_GRID))
    for made, scores in known:
        weight, total = _sums(made.scores, scores)
        weights, sums = weights + weight, sums + total
    return np.maximum.accumulate(sums / weights)


@lru_cache(maxsize=4096)
def _sums(made: tuple[float, ...], scores: tuple[float, ...]) -> tuple[Array, Array]:
    """Return how much a trial says of each progress of the grid, and of the scores there."""
    near = np.exp(-0.5 * ((_GRID[:, None] - logit(np.array(made))) / _NEAR) ** 2)
    return near.sum(1), near @ logit(np.array(scores))
