"""Replay recorded trials: apply an estimator to each of them as in a run."""

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
    """The result of applying an estimator to a recorded trial.

    Attributes:
        trial: The trial.
        epochs: The epoch at which the estimator stopped the trial, or its last epoch.
        predicted: The predicted final score, 0 to 1, or the highest score if the trial was not
            stopped.
        lower: The lower bound of the interval of the prediction; None if there is no interval.
        upper: The upper bound of the interval; None if there is no interval.
        seconds: The processor time of the estimator's decisions, in seconds.
        decisions: The number of decisions.
        order: The number of the random order, from 0.
        position: The position of the trial within its study in this order, from 1.
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
        """Whether the trial was stopped before its last epoch."""
        return self.epochs < self.trial.horizon

    @property
    def saved(self) -> float:
        """The share of the trial's epochs that were saved, 0 to 1."""
        return 1 - self.epochs / self.trial.horizon


def replay(
    make: Maker, trials: Sequence[RecordedCurves], orders: int, *, alone: bool = False
) -> list[ReplayResult]:
    """Return the results of applying an estimator to trials.

    Args:
        make: Makes an estimator for a trial.
        trials: The trials of any studies; each study is replayed separately.
        orders: The number of random orders. For each trial, the estimator knows the earlier trials
            of the study, up to the epoch at which it stopped them.
        alone: Whether the estimator knows no earlier trials; there is then only one order.
    """
    studies: dict[str, list[RecordedCurves]] = {}
    for trial in trials:
        studies.setdefault(trial.study, []).append(trial)
    warned: set[str] = set()
    return [
        result
        for order in range(1 if alone else orders)
        for study, of_study in sorted(studies.items())
        for result in _replay_study(make, of_study, f"{study} {order}", order, alone, warned)
    ]


def _replay_study(
    make: Maker,
    trials: Sequence[RecordedCurves],
    seed: str,
    order: int,
    alone: bool,
    warned: set[str],
) -> list[ReplayResult]:
    shuffled = random.Random(seed).sample(list(trials), len(trials))
    results: list[ReplayResult] = []
    curves: list[Curve] = []
    for number, trial in enumerate(shuffled):
        history = TrialHistory(
            epochs=math.ceil(trial.horizon),
            chance=trial.chance,
            curves=() if alone else tuple(curves),
            seed=number,
            hyperparameters=trial.curve.hyperparameters,
            net=trial.curve.net,
        )
        result, curve = _replay_trial(make, history, trial, warned)
        results.append(replace(result, order=order, position=number + 1))
        curves.append(curve)
    return results


def _replay_trial(
    make: Maker, history: TrialHistory, trial: RecordedCurves, warned: set[str]
) -> tuple[ReplayResult, Curve]:
    curve, count = trial.curve, 0
    losses = curve.losses or (None,) * len(curve.epochs)
    started, decisions = time.process_time(), 0
    estimator: Estimator | None = make(history)
    estimate = Estimate(converged=False, score=None)
    for count, epoch in enumerate(curve.epochs, 1):
        if estimator is None or not _is_due(epoch, estimator.interval):
            continue
        try:
            estimate = estimator.update(epoch, curve.scores[count - 1], losses[count - 1])
        # Third-party code may raise anything; the trial is then replayed without an estimator.
        except Exception as error:
            _warn_once(error, warned)
            estimator, estimate = None, Estimate(converged=False, score=None)
        decisions += 1
        if estimate.converged:
            break
    seconds = time.process_time() - started
    scores = curve.scores[:count]
    early = count < len(curve.epochs)
    score = estimate.score if early and estimate.score is not None else max(scores)
    result = ReplayResult(
        trial,
        curve.epochs[count - 1],
        score,
        estimate.lower if early else None,
        estimate.upper if early else None,
        seconds,
        decisions,
    )
    return result, replace(curve.first(count), predicted=score if early else None)


def _is_due(epoch: float, interval: float) -> bool:
    """Return whether an epoch is a multiple of an estimator's interval."""
    steps = epoch / interval
    return math.isclose(steps, round(steps), abs_tol=1e-6)


def _warn_once(error: Exception, warned: set[str]) -> None:
    text = str(error) if isinstance(error, LemurError) else f"{type(error).__name__}: {error}"
    if text not in warned:
        warned.add(text)
        warnings.warn(
            f"an estimator raised an error; its trials continue without it: {text}", stacklevel=2
        )
