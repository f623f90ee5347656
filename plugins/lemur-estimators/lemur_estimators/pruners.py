"""Optuna's pruners as estimators, which predict the best score so far.

The steps of a trial are the multiples of ``interval``. Earlier trials are passed to the pruner as
Optuna's trials, with their score at each step.
"""

from __future__ import annotations

import warnings
import zlib
from typing import TYPE_CHECKING

from lemur_core.kinds.estimator import Curve, Estimate, TrialHistory, check_score, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

# The prefix of the names under which Optuna's successive halving stores a trial's score at a rung.
_RUNG = "completed_rung_"


class _Pruned:
    """An estimator that stops a trial when a pruner prunes it."""

    reason = ""

    def __init__(self, history: TrialHistory, pruner: BasePruner, interval: float) -> None:
        import optuna

        within("interval", interval, 0.01, 1)
        self.interval = interval
        self.highest = float("-inf")
        # Optuna would log the creation of this internal study.
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self.study = optuna.create_study(direction="maximize", pruner=pruner)
        finally:
            optuna.logging.set_verbosity(verbosity)
        self.study.add_trials([self.past(curve) for curve in self.earlier(history.curves)])
        self.trial = self.study.ask()

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction; see `lemur_core.kinds.estimator`."""
        check_score(score)
        self.highest = max(self.highest, score)
        self.trial.report(score, self.step(epoch))
        pruned = bool(self.trial.should_prune())
        return Estimate(pruned, self.highest, reason=self.reason * pruned)

    def earlier(self, curves: Sequence[Curve]) -> Sequence[Curve]:
        """Return the earlier trials that this one is compared with."""
        return curves

    def past(self, curve: Curve) -> FrozenTrial:
        """Return an earlier trial as one of Optuna's."""
        import optuna

        return optuna.create_trial(
            value=curve.final,
            intermediate_values=dict(self.steps(curve)),
            system_attrs=dict(self.rungs(curve)),
        )

    def steps(self, curve: Curve) -> Iterator[tuple[int, float]]:
        """Yield each step and its score."""
        for epoch, score in zip(curve.epochs, curve.scores, strict=True):
            yield self.step(epoch), score

    def rungs(self, curve: Curve) -> Iterator[tuple[str, float]]:
        """Yield the system attributes that Optuna stores for a trial."""
        return iter(())

    def step(self, epoch: float) -> int:
        """Return the number of the step, from 1, that ends at an epoch."""
        return max(1, round(epoch / self.interval))


class Median(_Pruned):
    """Stops a trial whose best score is below the median of earlier trials at the same epoch.

    Args:
        history: What is known when the trial starts.
        interval: The number of epochs between two scores.
        startup: The number of first trials that are not stopped.
        warmup: The number of first epochs in which no trial is stopped.
    """

    reason = "below the median"

    def __init__(
        self, history: TrialHistory, *, interval: float = 1.0, startup: int = 5, warmup: float = 0.0
    ) -> None:
        from optuna.pruners import MedianPruner

        within("startup", startup, 0)
        within("warmup", warmup, 0)
        super().__init__(history, MedianPruner(startup, round(warmup / interval)), interval)


class Halving(_Pruned):
    """Asynchronous successive halving: at each rung, one in ``factor`` trials continues.

    Li et al., A System for Massively Parallel Hyperparameter Tuning (arXiv 1810.05934).

    Args:
        history: What is known when the trial starts.
        interval: The number of epochs between two scores.
        first: The epoch of the first rung; each further rung is ``factor`` times as late.
        factor: The inverse of the share of trials that continue.
    """

    reason = "not among the best of its rung"
    skipped = 0

    def __init__(
        self, history: TrialHistory, *, interval: float = 1.0, first: float = 1.0, factor: int = 3
    ) -> None:
        from optuna.pruners import SuccessiveHalvingPruner

        within("first", first, interval)
        within("factor", factor, 2)
        self.first, self.factor = round(first / interval), factor
        pruner = SuccessiveHalvingPruner(self.first, factor, self.skipped)
        super().__init__(history, pruner, interval)

    def rungs(self, curve: Curve) -> Iterator[tuple[str, float]]:
        """Yield the score at each rung that the trial reached, with Optuna's name of the rung."""
        rung, due = 0, self.first * self.factor**self.skipped
        for step, score in self.steps(curve):
            if step >= due:
                yield f"{_RUNG}{rung}", score
                rung, due = rung + 1, due * self.factor


class Hyperband(Halving):
    """Successive halving in several brackets, which differ in their first rung.

    Li et al., Hyperband (arXiv 1603.06560). The bracket of a trial is drawn from its number in the
    study, with probabilities in proportion to the budgets of the brackets. A trial is only compared
    with trials of its own bracket. The arguments are those of `Halving`.
    """

    def __init__(
        self, history: TrialHistory, *, interval: float = 1.0, first: float = 1.0, factor: int = 3
    ) -> None:
        within("factor", factor, 2)
        within("first", first, interval)
        brackets = 1
        while first * factor**brackets <= history.epochs:
            brackets += 1
        # As in Optuna, the share of a bracket depends on the number of rungs that it does not skip.
        rungs = [brackets - skipped for skipped in range(brackets)]
        self.shares = [-(-brackets * factor ** (count - 1) // count) for count in rungs]
        self.skipped = self.bracket(len(history.curves))
        super().__init__(history, interval=interval, first=first, factor=factor)

    def bracket(self, number: int) -> int:
        """Return the bracket of a trial, which is the number of rungs that it skips."""
        remainder = zlib.crc32(f"bracket {number}".encode()) % sum(self.shares)
        for skipped, share in enumerate(self.shares):
            remainder -= share
            if remainder < 0:
                return skipped
        raise AssertionError("the remainder is less than the sum of the shares")

    def earlier(self, curves: Sequence[Curve]) -> Sequence[Curve]:
        """Return the earlier trials of the same bracket."""
        return [curve for i, curve in enumerate(curves) if self.bracket(i) == self.skipped]


class Wilcoxon(_Pruned):
    """Stops a trial whose scores are significantly below those of the best trial.

    The scores at the same epochs are compared with Wilcoxon's signed-rank test.

    Args:
        history: What is known when the trial starts.
        interval: The number of epochs between two scores.
        p: The p-value below which a trial is stopped, 0 to 1.
        startup: The number of first epochs in which no trial is stopped.
    """

    reason = "below the best trial"

    def __init__(
        self, history: TrialHistory, *, interval: float = 1.0, p: float = 0.1, startup: float = 2.0
    ) -> None:
        from optuna.exceptions import ExperimentalWarning
        from optuna.pruners import WilcoxonPruner

        within("p", p, 0, 1)
        within("startup", startup, 0)
        with warnings.catch_warnings():
            # Users of this estimator do not depend on the pruner's experimental interface.
            warnings.simplefilter("ignore", ExperimentalWarning)
            pruner = WilcoxonPruner(p_threshold=p, n_startup_steps=round(startup / interval))
        super().__init__(history, pruner, interval)

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction; see `lemur_core.kinds.estimator`."""
        with warnings.catch_warnings():
            # A best trial that was stopped early has fewer steps; only common steps are compared.
            warnings.filterwarnings("ignore", "WilcoxonPruner finds steps")
            return super().update(epoch, score, loss)
