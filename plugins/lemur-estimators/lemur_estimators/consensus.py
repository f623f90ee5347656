"""Consensus: many models of learning curves, each believed as far as its evidence goes.

What curves look like is known before: from published ones, and from earlier trials on the same data
(`lemur_estimators.prior`); losses and hyperparameters are compared with those of earlier trials of
the same net. After each score the models' predictions of the last epoch are weighed by how well
each foretold what was measured (`lemur_estimators.evidence`); so are those of its training loss
(`lemur_estimators.progress`).
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

# How far losses are believed where they say other than the scores.
_BY_LOSS = 0.35
# What is so much above what has learned something, in logits, is foretold by its scores alone.
_ENOUGH = 0.8


class Consensus:
    """Ends a trial when it is hopeless, or when what it comes to is known well enough.

    A trial is hopeless when it comes among the study's best ``keep`` with a probability below
    ``doubt``; before there are two earlier trials, when it learns anything at all with less than
    that. Others are ended when the final score lies, with a probability of 0.9, within an interval
    narrower than ``settled``; where the trial is among the best with a probability above
    ``certain``, even if these turn out to be better than they are now, than ``sure``. What is to
    rise by a tenth and more has not settled. The longer a trial was trained, the sooner it ends. A
    late bloomer goes on as long as waiting for it is worth while: how probable it is that a curve
    rises after it was flat for so long is part of the prior, and of what its training loss says
    (`lemur_estimators.flat`, `lemur_estimators.progress`).

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
        least: Epochs before which no trial ends, but one whose hyperparameters are hopeless.
    """

    def __init__(
        self,
        known: TrialHistory,
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
        self.interval, self.last, self.least = interval, known.epochs, least
        self.best = known.best
        self.stopping = Stopping(
            *bars(known, keep), doubt=doubt, settled=settled, certain=certain, sure=sure
        )
        self.log_prior = np.log(of_study(known.curves))
        self.learned = learned(known.chance)
        of_its_net = known.of_its_net
        self.guessing = loss_of_guessing(of_its_net, known.chance)
        self.progress = Progress(of_its_net, self.guessing, known.chance) if self.guessing else None
        self.prospect = prospect(known, self.stopping.bar)
        self.learned_enough = float(score_of(logit(np.array(self.learned)) + _ENOUGH))
        self.curve = Curve((), ())

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        check_score(score)
        before = self.curve
        curve = Curve((*before.epochs, epoch), (*before.scores, score), (*before.losses, loss))
        self.curve = curve
        if epoch >= self.last:
            measured = curve.final
            better = None if self.best is None else float(measured > self.best)
            reason = f"{self.last} epochs are over"
            return Estimate(True, measured, measured, measured, better, reason=reason)
        final = self._outlook(curve)
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

    def _outlook(self, curve: Curve) -> Outlook:
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
