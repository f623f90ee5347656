"""The contract of metrics, which follows torchmetrics.

A metric's target is a callable that takes ``out_shape`` and returns an object with

``reset()``
    discard all batches.
``update(outputs, targets)``
    add a batch: the net's outputs and the targets, on the net's device.
``compute()``
    return the score of all batches since the last reset, 0 to 1, higher is better.

If lower values are better, as for errors, the metric's entry has ``higher_is_better=False``, and
``compute()`` returns the error, 0 or more. The recorded score is then 1 / (1 + error), which
`lemur_core.error_metric` explains, and the error is recorded beside it.

If a target cannot score predictions of this shape, for example the top 5 of 2 classes, it raises
`ShapeError` or `MisfitError` when it is called. A campaign then leaves the metric out if a wildcard
matched it, and reports the error if the user named it.

If a trial's outputs are NaN or infinite, or its targets are not classes, the trial fails before the
metric is called.

LEMUR's published form is also accepted: a module with a function ``create_metric(out_shape)`` that
returns an object with ``reset()``, ``__call__(outputs, targets)`` and ``result()``.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from lemur_core.error_metric import score_of
from lemur_core.errors import ContractError

if TYPE_CHECKING:
    from torch import Tensor

    from lemur_core.entry import Entry


class Metric(Protocol):
    """A score, or an error, over a whole dataset."""

    def reset(self) -> None:
        """Discard all batches."""

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch."""

    def compute(self) -> Tensor | float:
        """Return the score, 0 to 1, higher is better; or the error, 0 or more."""


class _PublishedMetric:
    """Gives a metric in LEMUR's published form the interface of `Metric`."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self.reset = metric.reset
        self.update = metric.__call__
        self.compute = metric.result
        self.higher_is_better = getattr(metric, "higher_is_better", None)


class ErrorMetric:
    """The score of a metric of which lower values are better.

    Args:
        metric: The metric, which computes an error.
        name: The name of the metric, for error messages.

    Attributes:
        error: The error that was computed last.
    """

    def __init__(self, metric: Metric, name: str) -> None:
        self._metric, self._name, self.error = metric, name, float("nan")
        self.reset, self.update = metric.reset, metric.update

    def compute(self) -> float:
        """Return the score of the error, above 0 and at most 1; the error if it is not finite.

        Raises:
            ContractError: The error is negative.
        """
        self.error = float(self._metric.compute())
        if self.error < 0:
            raise ContractError(
                f"metric {self._name!r}: its error is {self.error:g}; expected 0 or more"
            )
        return score_of(self.error) if math.isfinite(self.error) else self.error


def metric_of(entry: Entry, out_shape: tuple[int, ...]) -> Metric:
    """Return the metric that an entry's target creates, as `as_metric` does.

    Raises:
        ContractError: As `as_metric`; or the object says as torchmetrics' do, by an attribute
            ``higher_is_better``, that lower values are better, and the entry does not.
    """
    metric = as_metric(entry.load(), out_shape, entry.name)
    if entry.higher_is_better and getattr(metric, "higher_is_better", None) is False:
        raise ContractError(
            f"metric {entry.name!r}: lower is better, as higher_is_better of its object says; "
            "register it with Entry(..., higher_is_better=False), or in a file of its own write "
            "HIGHER_IS_BETTER = False"
        )
    return metric


def as_metric(target: Any, out_shape: tuple[int, ...], name: str) -> Metric:
    """Return the metric that an entry's target creates.

    Args:
        target: The target of the metric's entry.
        out_shape: The shape of one prediction.
        name: The name of the metric, for error messages.

    Raises:
        ContractError: The target cannot be called, or the object that it returns lacks a method.
        ShapeError: The metric cannot score predictions of this shape.
        MisfitError: The metric cannot score predictions of this shape.
    """
    if isinstance(target, ModuleType):
        target = getattr(target, "create_metric", None)
    if not callable(target):
        raise ContractError(f"metric {name!r}: its target cannot be called with out_shape")
    metric = target(out_shape)
    if hasattr(metric, "result") and not hasattr(metric, "compute"):
        metric = _PublishedMetric(metric)
    methods = ("reset", "update", "compute")
    lacks = [f"{method}()" for method in methods if not callable(getattr(metric, method, None))]
    if lacks:
        raise ContractError(f"metric {name!r}: it has no method {' and no method '.join(lacks)}")
    checked: Metric = metric
    return checked
