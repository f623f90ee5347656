"""Optuna's pruners as estimators; what they predict of a trial is the best so far.

A trial's steps are the multiples of ``interval`` that it was trained for. Earlier trials are told
to the pruner as Optuna's, with what they were at each step.
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

# Under this name Optuna's successive halving keeps what a trial was at each rung.
_RUNG = "completed_rung_"


class _Pruned:
    """An estimator that asks a pruner."""

    reason = ""

    def __init__(self, known: TrialHistory, pruner: BasePruner, interval: float) -> None:
        import optuna

        within("interval", interval, 0.01, 1)
        self.interval = interval
        self.highest = float("-inf")
        # The study is nobody else's, and Optuna would announce it.
        told = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self.study = optuna.create_study(direction="maximize", pruner=pruner)
        finally:
            optuna.logging.set_verbosity(told)
        self.study.add_trials([self.past(curve) for curve in self.earlier(known.curves)])
        self.trial = self.study.ask()

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        check_score(score)
        self.highest = max(self.highest, score)
        self.trial.report(score, self.step(epoch))
        over = bool(self.trial.should_prune())
        return Estimate(over, self.highest, reason=self.reason * over)

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
        """Give the score at each step."""
        for epoch, score in zip(curve.epochs, curve.scores, strict=True):
            yield self.step(epoch), score

    def rungs(self, curve: Curve) -> Iterator[tuple[str, float]]:
        """Give what Optuna keeps of a trial."""
        return iter(())

    def step(self, epoch: float) -> int:
        """Return the number of the step, 1 and above, that ends at an epoch."""
        return max(1, round(epoch / self.interval))


class Median(_Pruned):
    """Ends a trial whose best is below the median of what earlier ones were at the same epoch.

    Args:
        known: What is known of the study.
        interval: How often scores are measured, in epochs.
        startup: Trials that are not ended.
        warmup: Epochs in which none is.
    """

    reason = "below the median"

    def __init__(
        self, known: TrialHistory, *, interval: float = 1.0, startup: int = 5, warmup: float = 0.0
    ) -> None:
        from optuna.pruners import MedianPruner

        within("startup", startup, 0)
        within("warmup", warmup, 0)
        super().__init__(known, MedianPruner(startup, round(warmup / interval)), interval)


class Halving(_Pruned):
    """Asynchronous successive halving: at each rung the best of ``factor`` trials goes on.

    Li et al., A System for Massively Parallel Hyperparameter Tuning (arXiv 1810.05934).

    Args:
        known: What is known of the study.
        interval: How often scores are measured, in epochs.
        first: The epoch of the first rung; each next one is ``factor`` times as late.
        factor: Of so many trials one goes on.
    """

    reason = "not among the best of its rung"
    skipped = 0

    def __init__(
        self, known: TrialHistory, *, interval: float = 1.0, first: float = 1.0, factor: int = 3
    ) -> None:
        from optuna.pruners import SuccessiveHalvingPruner

        within("first", first, interval)
        within("factor", factor, 2)
        self.first, self.factor = round(first / interval), factor
        pruner = SuccessiveHalvingPruner(self.first, factor, self.skipped)
        super().__init__(known, pruner, interval)

    def rungs(self, curve: Curve) -> Iterator[tuple[str, float]]:
        """Give the score at each rung that the trial reached."""
        rung, due = 0, self.first * self.factor**self.skipped
        for step, score in self.steps(curve):
            if step >= due:
                yield f"{_RUNG}{rung}", score
                rung, due = rung + 1, due * self.factor


class Hyperband(Halving):
    """Successive halving with several first rungs: each trial has one of them, drawn for it.

    Li et al., Hyperband (arXiv 1603.06560). A trial's bracket is drawn by its number in the study,
    each as often as its budget says; it is compared with trials of its own bracket only.
    """

    def __init__(
        self, known: TrialHistory, *, interval: float = 1.0, first: float = 1.0, factor: int = 3
    ) -> None:
        within("factor", factor, 2)
        within("first", first, interval)
        brackets = 1
        while first * factor**brackets <= known.epochs:
            brackets += 1
        # As Optuna has it: a bracket that skips s of the rungs gets trials by what they cost.
        rungs = [brackets - skipped for skipped in range(brackets)]
        self.shares = [-(-brackets * factor ** (count - 1) // count) for count in rungs]
        self.skipped = self.bracket(len(known.curves))
        super().__init__(known, interval=interval, first=first, factor=factor)

    def bracket(self, number: int) -> int:
        """Return the bracket of a trial: how many rungs it skips."""
        drawn = zlib.crc32(f"bracket {number}".encode()) % sum(self.shares)
        for skipped, share in enumerate(self.shares):
            drawn -= share
            if drawn < 0:
                return skipped
        raise AssertionError("shares cover what is drawn")

    def earlier(self, curves: Sequence[Curve]) -> Sequence[Curve]:
        """Return the earlier trials of the same bracket."""
        return [one for i, one in enumerate(curves) if self.bracket(i) == self.skipped]


class Wilcoxon(_Pruned):
    """Ends a trial whose scores are below the best trial's at the same epochs, significantly.

    Args:
        known: What is known of the study.
        interval: How often scores are measured, in epochs.
        p: The greatest p-value of the signed-rank test that ends a trial, 0 to 1.
        startup: Epochs in which none is ended.
    """

    reason = "below the best trial"

    def __init__(
        self, known: TrialHistory, *, interval: float = 1.0, p: float = 0.1, startup: float = 2.0
    ) -> None:
        from optuna.exceptions import ExperimentalWarning
        from optuna.pruners import WilcoxonPruner

        within("p", p, 0, 1)
        within("startup", startup, 0)
        with warnings.catch_warnings():
            # That its interface may change is ours to know.
            warnings.simplefilter("ignore", ExperimentalWarning)
            pruner = WilcoxonPruner(p_threshold=p, n_startup_steps=round(startup / interval))
        super().__init__(known, pruner, interval)

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        with warnings.catch_warnings():
            # A best trial that was ended early has fewer steps: those of both are compared.
            warnings.filterwarnings("ignore", "WilcoxonPruner finds steps")
            return super().update(epoch, score, loss)
