"""Consensus: many models of learning curves, each believed as far as its evidence goes.

What curves look like is known before: from published ones, and from the study's own earlier trials
(`lemur_estimators.prior`). After each score the models' predictions of the last epoch are weighed
by how well each foretold what was measured (`lemur_estimators.evidence`).
"""

from __future__ import annotations

import numpy as np

from lemur_core.kinds.estimator import Estimate, Known, check_score, within
from lemur_estimators.evidence import Outlook, outlook
from lemur_estimators.flat import learned, loss_of_guessing, odds_of_rising
from lemur_estimators.models import Array
from lemur_estimators.prior import begin_late, horizon_of, of_study

_LOWER, _UPPER = 0.05, 0.95
# While there are few earlier trials, the best of them may well be none of the best: so many more
# are reckoned with.
_DOUBTED = 2
# The longer a trial was trained the less is to be gained by its rest: at its end odds of what is
# hopeless may be higher by so many times, and intervals wider, than at its beginning.
_ODDS_GROW, _WIDTH_GROWS = 5.0, 3.0
# The first trials set no bar that is worth an exact measurement: so much wider may intervals be.
_FIRST = 3


class Consensus:
    """Ends a trial when it is hopeless, or when what it comes to is known well enough.

    A trial is hopeless when it comes among the study's best ``keep`` with a probability below
    ``doubt``; before there are two earlier trials, when it learns anything at all with less than
    that. Others are ended when the final score lies, with a probability of 0.9, within an interval
    narrower than ``settled``; where the trial is among the best with a probability above
    ``certain``, than ``sure``. The longer it was trained, the sooner either ends it. A late bloomer
    goes on as long as waiting for it is worth while: how probable it is that a curve rises after it
    was flat for so long is part of the prior, and of what its training loss says
    (`lemur_estimators.flat`).

    Args:
        known: What is known of the study.
        interval: How often scores are measured, in epochs.
        keep: The share of trials that are to be told apart exactly, 0 to 1.
        doubt: The probability below which a trial is hopeless at its beginning, 0 to 1; at its end
            its odds are six times that; 0 ends none as hopeless.
        settled: The width of the interval at which a prediction has settled at a trial's beginning,
            0 to 1; at its end four times that; 0 waits for the last epoch.
        certain: The probability above which a trial is among the best, 0 to 1.
        sure: The width for such a trial, 0 to 1.
        least: Epochs before which no trial ends.
    """

    def __init__(
        self,
        known: Known,
        *,
        interval: float = 0.5,
        keep: float = 0.2,
        doubt: float = 0.03,
        settled: float = 0.01,
        certain: float = 0.99,
        sure: float = 0.06,
        least: float = 2.0,
    ) -> None:
        within("interval", interval, 0.01, 1)
        within("least", least, 0)
        shares = {
            "keep": keep,
            "doubt": doubt,
            "settled": settled,
            "certain": certain,
            "sure": sure,
        }
        for name, share in shares.items():
            within(name, share, 0, 1)
        self.interval, self.last = interval, known.epochs
        self.doubt, self.settled, self.least = doubt, settled, least
        self.certain, self.sure = certain, sure
        self.best, self.bar = known.best, _bar(known, keep)
        # Against earlier trials one is measured; against guessing it has nothing to prove twice.
        self.among_others = len(known.curves) >= _DOUBTED
        self.log_prior = np.log(of_study(known.curves))
        self.learned = learned(known.chance)
        self.guessing = loss_of_guessing(known.curves, known.chance)
        self.loss: float | None = None
        self.epochs: list[float] = []
        self.scores: list[float] = []

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        check_score(score)
        self.epochs.append(epoch)
        self.scores.append(score)
        # Within an epoch there may be none: that of the epoch before still says something.
        if loss is not None:
            self.loss = loss
        highest = max(self.scores)
        if epoch >= self.last:
            better = None if self.best is None else float(highest > self.best)
            reason = f"{self.last} epochs are over"
            return Estimate(True, highest, highest, highest, better, reason=reason)
        horizon = horizon_of(tuple(self.epochs), float(self.last))
        log_prior = self._prior_at(highest)
        posterior = horizon.posterior(np.maximum.accumulate(self.scores)[None], log_prior)
        return self._judged(epoch, highest, outlook(posterior))

    def _prior_at(self, highest: float) -> Array:
        if highest >= self.learned:
            return self.log_prior
        return self.log_prior + np.log(odds_of_rising(self.loss, self.guessing)) * begin_late()

    def _judged(self, epoch: float, highest: float, final: Outlook) -> Estimate:
        lower, middle, upper = (float(final.quantile(share)[0]) for share in (_LOWER, 0.5, _UPPER))
        better = None if self.best is None else float(final.above(self.best)[0])
        done = epoch / self.last
        reason = self._reason(done, highest, upper - lower, final) if epoch >= self.least else ""
        return Estimate(bool(reason), middle, lower, upper, better, reason=reason)

    def _reason(self, done: float, highest: float, width: float, final: Outlook) -> str:
        among = 1.0 if highest >= self.bar else float(final.above(self.bar)[0])
        # Lower odds than those of doubt, which may be infinite.
        if among * (1 - self.doubt) < self.doubt * (1 - among) * (1 + _ODDS_GROW * done):
            return "it is hopeless"
        if width < self._settled(done, among):
            return "the prediction has settled"
        return ""

    def _settled(self, done: float, among: float) -> float:
        """Return the width at which a prediction has settled."""
        settled = self.settled * (1 + _WIDTH_GROWS * done)
        if not self.among_others:
            return _FIRST * settled
        return max(self.sure, settled) if among > self.certain else settled


def _bar(known: Known, keep: float) -> float:
    """Return the score that the best exceed, 0 to 1."""
    count, least = len(known.curves), learned(known.chance)
    if count < _DOUBTED:
        return least
    finals = [curve.final for curve in known.curves]
    # Where none learned anything, what learns nothing either is not one of the best.
    return max(least, float(np.quantile(finals, (1 - keep) * count / (count + _DOUBTED))))
