"""Decide from the predicted distribution of a trial's final score whether to stop the trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lemur_estimators.flat import learned

if TYPE_CHECKING:
    from lemur_core.kinds.estimator import TrialHistory
    from lemur_estimators.evidence import Outlook
    from lemur_estimators.hyperparameters import Prospect

# With few earlier trials, the best of them may not be among the best in the end. This number of
# better trials is therefore assumed in addition.
_DOUBTED = 2
# A trial is certainly among the best if it exceeds the bar even if the trials so far set it too
# low, by this many standard deviations of the share of trials below the bar.
_SET_LOW = 0.5
# The longer a trial has been trained, the less is saved by stopping it later. From the start to the
# end of a trial, the odds of `doubt` and the width of `settled` grow by these multiples of
# themselves.
_ODDS_GROW, _WIDTH_GROWS = 5.0, 3.0
# The bar of the first trials is not worth an exact measurement: the factor of interval widths.
_FIRST = 3
# A prediction that is this far above the highest score has not settled, however narrow its interval
# is.
_AHEAD = 0.1
# The weight of hyperparameters against the measurements when a trial starts, and the factor of
# `doubt` if hyperparameters are used, because they add information that curves do not contain.
_BY_HYPERPARAMETERS, _LEFT = 0.5, 0.75


@dataclass(frozen=True)
class Stopping:
    """The criteria for stopping a trial; scores and shares are 0 to 1.

    Attributes:
        bar: The score that the best trials of the study reach.
        high_bar: The score that they reach even if ``bar`` is too low.
        among_others: Whether earlier trials determine both bars, rather than the score of guessing.
        doubt: See `lemur_estimators.consensus.Consensus`.
        settled: See `lemur_estimators.consensus.Consensus`.
        certain: See `lemur_estimators.consensus.Consensus`.
        sure: See `lemur_estimators.consensus.Consensus`.
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
        """Return why a trial is stopped; empty if it continues.

        Args:
            done: The share of the trial's epochs that have been trained.
            highest: The highest score so far.
            final: The distribution of the final score.
            ripe: Whether the trial has been trained long enough to be judged by its scores.
            ahead: The prediction from its hyperparameters; None if its scores are informative
                enough.
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
        """Return whether the probability of being among the best is too low to continue."""
        doubt = self.doubt
        if ahead:
            believed = _BY_HYPERPARAMETERS * (1 - done)
            among = max(among, (1 - believed) * among + believed * ahead.probability)
            doubt *= _LEFT
        # Compare the odds with those of doubt; without division, as the latter may be infinite.
        return among * (1 - doubt) < doubt * (1 - among) * (1 + _ODDS_GROW * done)

    def _width(self, done: float, highest: float, final: Outlook) -> float:
        """Return the width of the interval below which a prediction has settled."""
        settled = self.settled * (1 + _WIDTH_GROWS * done)
        # The first trials are compared with guessing only.
        if not self.among_others:
            return _FIRST * settled
        surely = _exceeds(self.high_bar, highest, final) > self.certain
        return max(self.sure, settled) if surely else settled


def bars(history: TrialHistory, keep: float) -> tuple[float, float, bool]:
    """Return the bar, the high bar, and whether earlier trials determine them.

    Args:
        history: The earlier trials.
        keep: The share of trials that count as the best.
    """
    count, least = len(history.curves), learned(history.chance)
    if count < _DOUBTED:
        return least, least, False
    finals = [curve.final for curve in history.curves]
    off = _SET_LOW * np.sqrt(keep * (1 - keep) / count)
    shares = (1 - keep) * count / (count + _DOUBTED), min(1 - keep + off, 1)
    # If no trial has learned anything, a trial that learns nothing is not one of the best either.
    bar, high = (max(least, float(np.quantile(finals, share))) for share in shares)
    return bar, high, True


def _exceeds(bar: float, highest: float, final: Outlook) -> float:
    return 1.0 if highest >= bar else float(final.above(bar)[0])
