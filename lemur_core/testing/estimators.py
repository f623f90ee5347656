"""The rules of estimators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import (
    Curve,
    Estimate,
    Estimator,
    TrialHistory,
    maker,
    parts_per_epoch,
)
from lemur_core.options import Selection, options_of

if TYPE_CHECKING:
    from lemur_core.entry import Entry

_EPOCHS = 12
_CURVES = {
    "rising": [0.9 - 0.8 * 0.7**epoch for epoch in range(_EPOCHS)],
    "flat": [0.1] * _EPOCHS,
    "falling": [0.8 - 0.05 * epoch for epoch in range(_EPOCHS)],
    "late": [0.1] * 8 + [0.5, 0.7, 0.8, 0.85],
    "perfect": [0.0] + [1.0] * (_EPOCHS - 1),
}


class EstimatorRules:
    """An estimator gives valid and reproducible estimates for any curve."""

    def test_estimator_needs_nothing_but_what_is_known(self, estimator: Entry) -> None:
        """Every option has a default, and the interval divides an epoch into equal parts."""
        options_of("estimator", estimator.load(), estimator.name)
        parts_per_epoch(_make(estimator, _history()))

    def test_estimator_says_something_sensible_of_any_curve(self, estimator: Entry) -> None:
        """Scores, bounds and probabilities are 0 to 1, and the bounds enclose the score."""
        for shape, scores in _CURVES.items():
            for history in (_history(), _history(*_CURVES)):
                for estimate in _estimates(estimator, history, scores):
                    _check(estimate, f"estimator {estimator.name!r}, of a {shape} curve")

    def test_estimator_says_the_same_of_the_same(self, estimator: Entry) -> None:
        """Random numbers depend on the trial's seed, and estimators of trials share no state."""
        history, scores = _history(*_CURVES), _CURVES["rising"]
        first = _estimates(estimator, history, scores)
        second = _estimates(estimator, history, scores)
        assert first == second, (
            f"estimator {estimator.name!r}: gives other estimates for the same scores"
        )

    def test_estimator_is_told_of_no_losses(self, estimator: Entry) -> None:
        """It also works without losses, which a net need not return."""
        made = _make(estimator, _history())
        for epoch, score in enumerate(_CURVES["rising"], 1):
            _check(made.update(epoch, score, None), f"estimator {estimator.name!r}, without losses")

    def test_estimator_refuses_what_is_no_score(self, estimator: Entry) -> None:
        """A score that is not between 0 and 1, for example in percent, raises SettingsError."""
        for score in (-0.1, 25.7, math.nan):
            with pytest.raises(SettingsError):
                _make(estimator, _history()).update(1, score, 1.0)


def _history(*shapes: str) -> TrialHistory:
    epochs = tuple(map(float, range(1, _EPOCHS + 1)))
    curves = [
        Curve(epochs, tuple(_CURVES[shape]), hyperparameters={"lr": 10.0**-index, "name": shape})
        for index, shape in enumerate(shapes)
    ]
    # A trial's hyperparameters may differ from those of earlier trials, or be unknown.
    prm = {"lr": 0.03, "batch": 4, "nesterov": True} if shapes else {}
    return TrialHistory(epochs=_EPOCHS, chance=0.1, curves=curves, hyperparameters=prm)


def _make(estimator: Entry, history: TrialHistory) -> Estimator:
    return maker(estimator.load(), Selection(estimator.name))(history)


def _estimates(estimator: Entry, history: TrialHistory, scores: list[float]) -> list[Estimate]:
    made = _make(estimator, history)
    return [made.update(epoch, score, 1 / epoch) for epoch, score in enumerate(scores, 1)]


def _check(estimate: Estimate, subject: str) -> None:
    assert isinstance(estimate, Estimate), f"{subject}: gives {estimate!r}; expected an Estimate"
    for name in ("score", "lower", "upper", "probability"):
        value = getattr(estimate, name)
        assert value is None or 0 <= value <= 1, f"{subject}: {name} is {value}; expected 0 to 1"
    score, lower, upper = estimate.score, estimate.lower, estimate.upper
    if estimate.converged:
        assert score is not None, f"{subject}: has converged but predicts nothing"
    if score is not None and lower is not None and upper is not None:
        assert lower <= score <= upper, f"{subject}: {score} is not within bounds"
