"""Estimators of a trial's final score: the contract.

An estimator's target is a callable that takes its options by name and returns an `Estimator`, one
for each trial.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Estimate(NamedTuple):
    """What an estimator believes after an epoch.

    Attributes:
        converged: Whether its prediction has settled, so that the trial may stop.
        score: The predicted final score, 0 to 1; None while it has none.
    """

    converged: bool
    score: float | None


class Estimator(Protocol):
    """Predicts a trial's final score from its first epochs."""

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take an epoch and say what is believed.

        Args:
            epoch: How much was trained, in epochs; rises from call to call.
            score: The validation score, 0 to 1.
            loss: The mean training loss; None where the net does not tell.
        """
        ...
