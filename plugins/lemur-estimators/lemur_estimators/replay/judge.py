"""Let an estimator say of each recorded trial what it would have said."""

from __future__ import annotations

import math
import random
import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lemur_core.errors import LemurError
from lemur_core.kinds.estimator import Curve, Estimate, Estimator, Maker, TrialHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_estimators.replay.recorded import RecordedCurves


@dataclass(frozen=True)
class ReplayResult:
    """What an estimator made of a trial.

    Attributes:
        trial: The trial.
        epochs: How long it was trained.
        predicted: What the estimator took for its final score, 0 to 1.
        lower: Of its interval; None where it gave none.
        upper: Likewise.
        seconds: What its decisions took, of one processor.
        decisions: How many these were.
        order: In which of the orders, from 0.
        position: Which trial of its study it was in this order, from 1.
    """

    trial: RecordedCurves
    epochs: float
    predicted: float
    lower: float | None
    upper: float | None
    seconds: float
    decisions: int
    order: int = 0
    position: int = 1

    @property
    def early(self) -> bool:
        """Whether the trial was ended before its last epoch."""
        return self.epochs < self.trial.horizon

    @property
    def saved(self) -> float:
        """The share of its epochs that were not trained, 0 to 1."""
        return 1 - self.epochs / self.trial.horizon


def replay(
    make: Maker, trials: Sequence[RecordedCurves], orders: int, *, alone: bool = False
) -> list[ReplayResult]:
    """Return what an estimator makes of trials.

    Args:
        make: Gives an estimator for a trial.
        trials: Of any studies; each is gone through by itself.
        orders: In how many random orders. A trial sees those before it, as far as the estimator
            let them be trained.
        alone: Whether each trial is judged without knowing of others; then one order is enough.
    """
    studies: dict[str, list[RecordedCurves]] = {}
    for trial in trials:
        studies.setdefault(trial.study, []).append(trial)
    said: set[str] = set()
    return [
        verdict
        for order in range(1 if alone else orders)
        for study, ones in sorted(studies.items())
        for verdict in _one_order(make, ones, f"{study} {order}", order, alone, said)
    ]


def _one_order(
    make: Maker,
    trials: Sequence[RecordedCurves],
    seed: str,
    order: int,
    alone: bool,
    said: set[str],
) -> list[ReplayResult]:
    shuffled = random.Random(seed).sample(list(trials), len(trials))
    verdicts: list[ReplayResult] = []
    curves: list[Curve] = []
    for number, trial in enumerate(shuffled):
        known = TrialHistory(
            epochs=math.ceil(trial.horizon),
            chance=trial.chance,
            curves=() if alone else tuple(curves),
            seed=number,
            hyperparameters=trial.curve.hyperparameters,
            net=trial.curve.net,
        )
        verdict, curve = _judged(make, known, trial, said)
        verdicts.append(replace(verdict, order=order, position=number + 1))
        curves.append(curve)
    return verdicts


def _judged(
    make: Maker, known: TrialHistory, trial: RecordedCurves, said: set[str]
) -> tuple[ReplayResult, Curve]:
    curve, taken = trial.curve, 0
    losses = curve.losses or (None,) * len(curve.epochs)
    began, decisions = time.process_time(), 0
    estimator: Estimator | None = make(known)
    estimate = Estimate(converged=False, score=None)
    for taken, epoch in enumerate(curve.epochs, 1):
        if estimator is None or not _is_due(epoch, estimator.interval):
            continue
        try:
            estimate = estimator.update(epoch, curve.scores[taken - 1], losses[taken - 1])
        # Foreign code: what goes wrong in it costs its estimate, and not the replay.
        except Exception as error:
            _say_once(error, said)
            estimator, estimate = None, Estimate(converged=False, score=None)
        decisions += 1
        if estimate.converged:
            break
    seconds = time.process_time() - began
    scores = curve.scores[:taken]
    early = taken < len(curve.epochs)
    score = estimate.score if early and estimate.score is not None else max(scores)
    verdict = ReplayResult(
        trial,
        curve.epochs[taken - 1],
        score,
        estimate.lower if early else None,
        estimate.upper if early else None,
        seconds,
        decisions,
    )
    return verdict, replace(curve.first(taken), predicted=score if early else None)


def _is_due(epoch: float, interval: float) -> bool:
    """Return whether an estimator that asks for scores so often is told of this epoch."""
    steps = epoch / interval
    return math.isclose(steps, round(steps), abs_tol=1e-6)


def _say_once(error: Exception, said: set[str]) -> None:
    text = str(error) if isinstance(error, LemurError) else f"{type(error).__name__}: {error}"
    if text not in said:
        said.add(text)
        warnings.warn(f"an estimator raised, its trials go on without it: {text}", stacklevel=2)
