"""Trials that are flat, at the score of guessing: do they learn already?

The score does not tell, the training loss does: a net that guesses comes to the loss of guessing,
the entropy of the classes, and one that is about to rise is below it for epochs before its score
is. Which loss that is, the study's earlier trials say that were flat too.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from lemur_core.kinds.estimator import Curve
from lemur_estimators.models import logit, score_of

# So much better than guessing, in logits, is what has learned something.
_LEARNED = 0.4
# Of fewer flat trials the middle one's loss may well be one that learns.
_ENOUGH = 5
# Below the loss of guessing is what is lower by this share of it: of 203 small nets that were flat
# after four epochs, 23 of 61 below it rose later, and 6 of the 142 others.
_BELOW = 0.001
_LEARNS, _GUESSES = 4.0, 0.25


def learned(chance: float) -> float:
    """Return the least score, 0 to 1, of what has learned something."""
    return float(score_of(logit(np.array(chance)) + _LEARNED))


def loss_of_guessing(curves: Sequence[Curve], chance: float) -> float | None:
    """Return the loss that flat trials come to; None where too few were seen.

    Args:
        curves: The study's earlier trials.
        chance: The score of guessing, 0 to 1; of 0, as detectors have it, nothing is known.
    """
    if not chance:
        return None
    least = learned(chance)
    ends = [_last(curve) for curve in curves if max(curve.scores) < least]
    known = [loss for loss in ends if loss is not None]
    return statistics.median(known) if len(known) >= _ENOUGH else None


def odds_of_rising(loss: float | None, guessing: float | None) -> float:
    """Return how many times more probable it is that a flat trial rises, than without its loss.

    Args:
        loss: Its latest training loss, None where it is not known; one that is not finite says
            that nothing is learned.
        guessing: What `loss_of_guessing` says.
    """
    if loss is None or guessing is None:
        return 1.0
    return _LEARNS if loss < guessing - _BELOW * abs(guessing) else _GUESSES


def _last(curve: Curve) -> float | None:
    finite = (loss for loss in reversed(curve.losses) if loss is not None and math.isfinite(loss))
    return next(finite, None)
