"""The rules of estimators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import Curve, Estimate, Estimator, TrialHistory, maker, parts_of
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
    """An estimator says something sensible of any curve, and the same each time."""

    def test_estimator_needs_nothing_but_what_is_known(self, estimator: Entry) -> None:
        """Each option has a default, and scores are asked for in equal parts of an epoch."""
        options_of("estimator", estimator.load(), estimator.name)
        parts_of(_made(estimator, _known()))

    def test_estimator_says_something_sensible_of_any_curve(self, estimator: Entry) -> None:
        """Scores, bounds and probabilities are 0 to 1, and bounds are around the score."""
        for shape, scores in _CURVES.items():
            for known in (_known(), _known(*_CURVES)):
                for said in _said(estimator, known, scores):
                    _check(said, f"estimator {estimator.name!r}, of a {shape} curve")

    def test_estimator_says_the_same_of_the_same(self, estimator: Entry) -> None:
        """What it draws, it draws by the trial's seed, and trials do not share what they saw."""
        known, scores = _known(*_CURVES), _CURVES["rising"]
        first, second = _said(estimator, known, scores), _said(estimator, known, scores)
        assert first == second, (
            f"estimator {estimator.name!r}: says something else when asked again"
        )

    def test_estimator_is_told_of_no_losses(self, estimator: Entry) -> None:
        """A net need not tell its loss."""
        made = _made(estimator, _known())
        for epoch, score in enumerate(_CURVES["rising"], 1):
            _check(made.update(epoch, score, None), f"estimator {estimator.name!r}, without losses")

    def test_estimator_refuses_what_is_no_score(self, estimator: Entry) -> None:
        """Percent, or what falls below 0, is the caller's mistake, and said."""
        for score in (-0.1, 25.7, math.nan):
            with pytest.raises(SettingsError):
                _made(estimator, _known()).update(1, score, 1.0)


def _known(*shapes: str) -> TrialHistory:
    epochs = tuple(map(float, range(1, _EPOCHS + 1)))
    curves = [
        Curve(epochs, tuple(_CURVES[shape]), hyperparameters={"lr": 10.0**-place, "name": shape})
        for place, shape in enumerate(shapes)
    ]
    # Of a trial, other hyperparameters may be known than of those before, or none.
    own = {"lr": 0.03, "batch": 4, "nesterov": True} if shapes else {}
    return TrialHistory(epochs=_EPOCHS, chance=0.1, curves=curves, hyperparameters=own)


def _made(estimator: Entry, known: TrialHistory) -> Estimator:
    return maker(estimator.load(), Selection(estimator.name))(known)


def _said(estimator: Entry, known: TrialHistory, scores: list[float]) -> list[Estimate]:
    made = _made(estimator, known)
    return [made.update(epoch, score, 1 / epoch) for epoch, score in enumerate(scores, 1)]


def _check(said: Estimate, where: str) -> None:
    assert isinstance(said, Estimate), f"{where}: says {said!r}; expected an Estimate"
    for name in ("score", "lower", "upper", "probability"):
        value = getattr(said, name)
        assert value is None or 0 <= value <= 1, f"{where}: {name} is {value}; expected 0 to 1"
    if said.converged:
        assert said.score is not None, f"{where}: converged, and predicts nothing"
    if said.score is not None and said.lower is not None and said.upper is not None:
        assert said.lower <= said.score <= said.upper, f"{where}: {said.score} is not within bounds"
