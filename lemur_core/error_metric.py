"""Metrics of which lower values are better, such as the mean absolute error.

Whatever ranks, predicts or draws scores expects 0 to 1, higher is better. The score of an error is
therefore 1 / (1 + error): the lower error has the higher score. The error itself is recorded beside
it, as facts of the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Errors(NamedTuple):
    """The errors of an epoch, 0 or more, lower is better.

    Attributes:
        validation: Error on the validation split.
        test: Error on the test split.
    """

    validation: float
    test: float

    @classmethod
    def among(cls, facts: Mapping[str, Any], metric: str) -> Errors | None:
        """Return the errors by a metric among the facts of an epoch; None if it gives scores."""
        values = [facts.get(name) for name in error_facts(metric)]
        if not all(type(value) in (int, float) for value in values):
            return None
        return cls(*map(float, values))  # type: ignore[arg-type]

    def facts(self, metric: str) -> dict[str, float]:
        """Return the facts of an epoch that record these errors."""
        return dict(zip(error_facts(metric), self, strict=True))

    def text(self, metric: str) -> str:
        """Return the errors for people, for example ``validation mae 3.2500, test mae 3.5000``."""
        validation, test = map(error_number, self)
        return f"validation {metric} {validation}, test {metric} {test}"


def error_facts(metric: str) -> tuple[str, str]:
    """Return the names of the facts with a metric's errors on the validation and the test split.

    >>> error_facts("mae")
    ('validation_error.mae', 'error.mae')
    """
    return f"validation_error.{metric}", f"error.{metric}"


def error_number(error: float) -> str:
    """Return an error for people: four decimals, or four digits if it is very small or large.

    >>> error_number(3.25), error_number(2e-6), error_number(1e17)
    ('3.2500', '2e-06', '1e+17')
    """
    return f"{error:.4f}" if error == 0 or 1e-4 <= error < 1e6 else f"{error:.4g}"


def score_of(error: float) -> float:
    """Return the score of an error: 1 / (1 + error), above 0 and at most 1.

    Args:
        error: 0 or more, lower is better.

    >>> score_of(0), score_of(3)
    (1.0, 0.25)
    """
    return 1 / (1 + error)
