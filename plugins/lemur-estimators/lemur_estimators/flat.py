"""Tell which trials with flat scores, at the score of guessing, are already learning.

Their scores do not show it, but their training losses do. The loss of a net that guesses converges
to the entropy of the classes. A net whose score is about to rise has a lower loss for some epochs
before. The loss of guessing is estimated from earlier trials with flat scores.
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

# A net has learned something if its score is this much better than guessing, in logits.
_LEARNED = 0.4
# With fewer flat trials, the median loss may well be that of a net that learns.
_ENOUGH = 5
# A loss is below that of guessing if it is lower by this share. Of 203 small nets with flat scores
# after four epochs, 12 of the 15 below it rose later, and 17 of the 188 others.
_BELOW = 0.002
# The factors of the odds of a rise for losses below that of guessing, and for other losses.
_LEARNS, _GUESSES = 4.0, 0.25


def learned(chance: float) -> float:
    """Return the lowest score, 0 to 1, of a net that has learned something."""
    return float(score_of(logit(np.array(chance)) + _LEARNED))


def loss_of_guessing(curves: Sequence[Curve], chance: float) -> float | None:
    """Return the loss of guessing, above 0; None if there are too few flat trials.

    Args:
        curves: The earlier trials of the same net.
        chance: The score of guessing, 0 to 1; if it is 0, as for detectors, the result is None.
    """
    if not chance:
        return None
    least = learned(chance)
    losses = [_losses(curve, math.isfinite) for curve in curves if max(curve.scores) < least]
    last = [finite[-1] for finite in losses if finite]
    guessing = statistics.median(last) if len(last) >= _ENOUGH else 0.0
    return guessing if guessing > 0 else None


def odds_of_rising(curve: Curve, guessing: float | None) -> float:
    """Return the factor by which a flat trial's loss changes the odds that its score rises.

    Args:
        curve: The trial so far. Its last known loss is used; the loss within an epoch may be
            unknown. A loss that is not finite means that nothing is learned.
        guessing: The result of `loss_of_guessing`.
    """
    losses = _losses(curve)
    if not losses or guessing is None:
        return 1.0
    return _LEARNS if losses[-1] < guessing * (1 - _BELOW) else _GUESSES


def _losses(curve: Curve, accept: Callable[[float], bool] = lambda _: True) -> list[float]:
    return [loss for loss in curve.losses if loss is not None and accept(loss)]
