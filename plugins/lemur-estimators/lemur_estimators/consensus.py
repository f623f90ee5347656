"""Consensus: a mixture of many models of learning curves, weighted by evidence.

The prior of the models comes from published curves and from earlier trials on the same data
(`lemur_estimators.prior`). After each score, the models' predictions for the last epoch are
weighted by how well each model explains the measured scores (`lemur_estimators.evidence`). A second
prediction is made from the training loss in the same way (`lemur_estimators.progress`). Losses and
hyperparameters are only compared with those of earlier trials of the same net.
"""

from __future__ import annotations

import numpy as np

from lemur_core.kinds.estimator import Curve, Estimate, TrialHistory, check_score, within
from lemur_estimators.evidence import Outlook, outlook
from lemur_estimators.flat import learned, loss_of_guessing, odds_of_rising
from lemur_estimators.hyperparameters import prospect
from lemur_estimators.models import Array, logit, score_of
from lemur_estimators.prior import begin_late, horizon_of, of_study
from lemur_estimators.progress import Progress
from lemur_estimators.stopping import Stopping, bars

# The weight of the prediction from losses; that of the prediction from scores is the remainder.
_BY_LOSS = 0.35
# Hyperparameters are ignored once a score is this much, in logits, above that of a net that has
# learned something.
_ENOUGH = 0.8


class Consensus:
    """Stops a trial when it is hopeless, or when its final score is predicted precisely enough.

    A trial is hopeless if the probability that it will be among the best ``keep`` of the study is
    below ``doubt``. Until there are two earlier trials, it is hopeless if the probability that it
    learns anything at all is below ``doubt``.

    The prediction for a trial has settled if the 90 % interval of its final score is narrower than
    ``settled``. If the trial will be among the best with a probability above ``certain``, even if
    the best trials turn out to be better than they are so far, an interval narrower than ``sure``
    is enough. A prediction has not settled if it is 0.1 or more above the highest score.

    Both conditions become weaker during training. A trial with flat scores continues as long as a
    late rise is probable enough. This probability depends on the prior and on the training loss
    (`lemur_estimators.flat`, `lemur_estimators.progress`).

    Args:
        history: What is known when the trial starts.
        interval: The number of epochs between two scores.
        keep: The share of trials that count as the best, 0 to 1.
        doubt: The probability below which a trial is hopeless when it starts, 0 to 1. The odds
            grow to six times this value at its end. 0 stops no trial as hopeless.
        settled: The width of the interval below which a prediction has settled when a trial starts,
            0 to 1. It grows to four times this value at its end. 0 waits for the last epoch.
        certain: The probability above which a trial is certainly among the best, 0 to 1.
        sure: The width of the interval for trials that are certainly among the best, 0 to 1.
        least: The number of epochs before which a trial is only stopped because of its
            hyperparameters.
    """

    def __init__(
        self,
        history: TrialHistory,
        *,
        interval: float = 0.5,
        keep: float = 0.2,
        doubt: float = 0.03,
        settled: float = 0.01,
        certain: float = 0.99,
        sure: float = 0.15,
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
        self.interval, self.last, self.least = interval, history.epochs, least
        self.best = history.best
        self.stopping = Stopping(
            *bars(history, keep), doubt=doubt, settled=settled, certain=certain, sure=sure
        )
        self.log_prior = np.log(of_study(history.curves))
        self.learned = learned(history.chance)
        same_net = history.same_net
        self.guessing = loss_of_guessing(same_net, history.chance)
        self.progress = Progress(same_net, self.guessing, history.chance) if self.guessing else None
        self.prospect = prospect(history, self.stopping.bar)
        self.learned_enough = float(score_of(logit(np.array(self.learned)) + _ENOUGH))
        self.curve = Curve((), ())

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction; see `lemur_core.kinds.estimator`."""
        check_score(score)
        previous = self.curve
        curve = Curve(
            (*previous.epochs, epoch), (*previous.scores, score), (*previous.losses, loss)
        )
        self.curve = curve
        if epoch >= self.last:
            measured = curve.final
            better = None if self.best is None else float(measured > self.best)
            reason = f"{self.last} epochs are over"
            return Estimate(True, measured, measured, measured, better, reason=reason)
        final = self._final_score(curve)
        lower, middle, upper = final.interval()
        better = None if self.best is None else float(final.above(self.best)[0])
        reason = self.stopping.reason(
            epoch / self.last,
            curve.final,
            final,
            ripe=epoch >= self.least,
            ahead=self.prospect if curve.final < self.learned_enough else None,
        )
        return Estimate(bool(reason), middle, lower, upper, better, reason=reason)

    def _final_score(self, curve: Curve) -> Outlook:
        horizon = horizon_of(curve.epochs, float(self.last))
        highest = np.maximum.accumulate(curve.scores)[None]
        by_scores = outlook(horizon.posterior(highest, self._log_prior(curve)))
        by_losses = self.progress and self.progress.outlook(curve, float(self.last))
        final = by_scores.mixed(by_losses, _BY_LOSS) if by_losses else by_scores
        if self.prospect is None or curve.final >= self.learned:
            return final
        return final.tilted(self.stopping.bar, self.prospect.odds)

    def _log_prior(self, curve: Curve) -> Array:
        if curve.final >= self.learned:
            return self.log_prior
        odds = odds_of_rising(curve, self.guessing)
        prior: Array = self.log_prior + np.log(odds) * begin_late()
        return prior
