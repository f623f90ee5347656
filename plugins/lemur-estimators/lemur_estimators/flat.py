"""Trials that are flat, at the score of guessing: do they learn already?

The score does not tell, the training loss does: a net that guesses comes to the loss of guessing,
the entropy of the classes, and one that is about to rise is below it for epochs before its score
is. Which loss that is, the study's earlier trials say that were flat too.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np

from lemur_estimators.models import logit, score_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.kinds.estimator import Curve

# So much better than guessing, in logits, is what has learned something.
_LEARNED = 0.4
# Of fewer flat trials the middle one's loss may well be one that learns.
_ENOUGH = 5
# Below the loss of guessing is what is lower by this share of it: of 203 small nets that were flat
# after four epochs, 12 of 15 below it rose later, and 17 of the 188 others.
_BELOW = 0.002
_LEARNS, _GUESSES = 4.0, 0.25


def learned(chance: float) -> float:
    """Return the least score, 0 to 1, of what has learned something."""
    return float(score_of(logit(np.array(chance)) + _LEARNED))


def loss_of_guessing(curves: Sequence[Curve], chance: float) -> float | None:
    """Return the loss that flat trials come to, above 0; None where too few were seen.

    Args:
        curves: The study's earlier trials.
        chance: The score of guessing, 0 to 1; of 0, as detectors have it, nothing is known.
    """
    if not chance:
        return None
    least = learned(chance)
    ends = [_losses(curve, math.isfinite) for curve in curves if max(curve.scores) < least]
    known = [losses[-1] for losses in ends if losses]
    guessing = statistics.median(known) if len(known) >= _ENOUGH else 0.0
    return guessing if guessing > 0 else None


def odds_of_rising(curve: Curve, guessing: float | None) -> float:
    """Return how many times more probable it is that a flat trial rises, than without its loss.

    Args:
        curve: The trial so far. Within an epoch its loss may not be known: that of the epoch before
            still says something; one that is not finite says that nothing is learned.
        guessing: What `loss_of_guessing` says.
    """
    losses = _losses(curve)
    if not losses or guessing is None:
        return 1.0
    return _LEARNS if losses[-1] < guessing * (1 - _BELOW) else _GUESSES


def _losses(curve: Curve, of: Callable[[float], bool] = lambda _: True) -> list[float]:
    return [loss for loss in curve.losses if loss is not None and of(loss)]
