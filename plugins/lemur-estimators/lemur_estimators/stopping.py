"""When a trial whose final score is believed to lie somewhere is ended, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lemur_estimators.flat import learned

if TYPE_CHECKING:
    from lemur_core.kinds.estimator import TrialHistory
    from lemur_estimators.evidence import Outlook
    from lemur_estimators.hyperparameters import Prospect

# While there are few earlier trials, the best of them may well be none of the best: so many more
# are reckoned with.
_DOUBTED = 2
# What is surely among the best exceeds the bar even where the trials so far set it too low, by so
# many standard deviations of the share of them that is below it.
_SET_LOW = 0.5
# The longer a trial was trained the less is to be gained by its rest: at its end odds of what is
# hopeless may be higher by so many times, and intervals wider, than at its beginning.
_ODDS_GROW, _WIDTH_GROWS = 5.0, 3.0
# The first trials set no bar that is worth an exact measurement: so much wider may intervals be.
_FIRST = 3
# What has most of its way to go has not settled, however narrow its interval is: the prediction may
# be so far above the highest score.
_AHEAD = 0.1
# How far hyperparameters are believed against all that was measured, at a trial's beginning. What
# they tell is not told by curves: so much of the doubt is left.
_BY_HYPERPARAMETERS, _LEFT = 0.5, 0.75


@dataclass(frozen=True)
class Stopping:
    """What a trial is measured by; scores and shares are 0 to 1.

    Attributes:
        bar: The score that the study's best exceed.
        high_bar: What they exceed even if the bar is too low.
        among_others: Whether earlier trials set these, and not what guesses.
        doubt: As `lemur_estimators.consensus.Consensus` has it, and the others too.
        settled: Likewise.
        certain: Likewise.
        sure: Likewise.
    """

    bar: float
    high_bar: float
    among_others: bool
    doubt: float
    settled: float
    certain: float
    sure: float

    def reason(
        self, done: float, highest: float, final: Outlook, *, ripe: bool, ahead: Prospect | None
    ) -> str:
        """Return why a trial is ended, nothing where it goes on.

        Args:
            done: The share of its epochs that it was trained.
            highest: Its highest score so far.
            final: Where its final score lies.
            ripe: Whether it was trained for long enough to be judged by its scores.
            ahead: What its hyperparameters say, where scores say little yet.
        """
        if (ripe or ahead) and self._hopeless(done, _exceeds(self.bar, highest, final), ahead):
            return "it is hopeless"
        if not ripe:
            return ""
        lower, middle, upper = final.interval()
        if middle - highest < _AHEAD and upper - lower < self._width(done, highest, final):
            return "the prediction has settled"
        return ""

    def _hopeless(self, done: float, among: float, ahead: Prospect | None) -> bool:
        """Return whether what is among the best so probably is not worth its rest."""
        doubt = self.doubt
        if ahead:
            believed = _BY_HYPERPARAMETERS * (1 - done)
            among = max(among, (1 - believed) * among + believed * ahead.probability)
            doubt *= _LEFT
        # Lower odds than those of doubt, which may be infinite.
        return among * (1 - doubt) < doubt * (1 - among) * (1 + _ODDS_GROW * done)

    def _width(self, done: float, highest: float, final: Outlook) -> float:
        """Return the width of the interval at which a prediction has settled."""
        settled = self.settled * (1 + _WIDTH_GROWS * done)
        # Against others one is measured; against guessing there is nothing to prove twice.
        if not self.among_others:
            return _FIRST * settled
        surely = _exceeds(self.high_bar, highest, final) > self.certain
        return max(self.sure, settled) if surely else settled


def bars(known: TrialHistory, keep: float) -> tuple[float, float, bool]:
    """Return the bar, the high bar, and whether earlier trials set them.

    Args:
        known: What is known of the study.
        keep: The share of trials that are its best.
    """
    count, least = len(known.curves), learned(known.chance)
    if count < _DOUBTED:
        return least, least, False
    finals = [curve.final for curve in known.curves]
    off = _SET_LOW * np.sqrt(keep * (1 - keep) / count)
    shares = (1 - keep) * count / (count + _DOUBTED), min(1 - keep + off, 1)
    # Where none learned anything, what learns nothing either is not one of the best.
    bar, high = (max(least, float(np.quantile(finals, share))) for share in shares)
    return bar, high, True


def _exceeds(bar: float, highest: float, final: Outlook) -> float:
    return 1.0 if highest >= bar else float(final.above(bar)[0])
