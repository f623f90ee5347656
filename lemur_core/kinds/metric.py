"""Metrics: the contract, as torchmetrics has it.

A metric's target is a callable that takes ``out_shape`` and returns an object with

``reset()``
    forget everything.
``update(outputs, targets)``
    take one batch: what the net gave and what it should have given, on the net's device.
``compute()``
    return the score of all batches since the reset, 0 to 1, higher is better.

A target that cannot score predictions of a shape, five most probable classes of two say, raises
`ShapeError` or `MisfitError` when it is called. A campaign then leaves the metric out of what a
wildcard stands for, and reports the error where the metric was named.

The runner fails a trial whose outputs are NaN or infinite, and one whose targets are no classes,
before either becomes a score.

LEMUR's published form is accepted too: a module with ``create_metric(out_shape)``, whose object has
``reset()``, ``__call__(outputs, targets)`` and ``result()``.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from lemur_core.errors import ContractError

if TYPE_CHECKING:
    from torch import Tensor


class Metric(Protocol):
    """A score over a whole data set."""

    def reset(self) -> None:
        """Forget everything."""

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take one batch."""

    def compute(self) -> Tensor | float:
        """Return the score, 0 to 1, higher is better."""


class _Published:
    """LEMUR's published form of a metric, with this interface."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self.reset = metric.reset
        self.update = metric.__call__
        self.compute = metric.result


def as_metric(target: Any, out_shape: tuple[int, ...], name: str) -> Metric:
    """Return a metric for predictions of a shape.

    Raises:
        ContractError: The target cannot be called, or its object lacks a method.
        ShapeError: It cannot score predictions of this shape; likewise `MisfitError`.
    """
    if isinstance(target, ModuleType):
        target = getattr(target, "create_metric", None)
    if not callable(target):
        raise ContractError(f"metric {name!r}: its target cannot be called with out_shape")
    metric = target(out_shape)
    if hasattr(metric, "result") and not hasattr(metric, "compute"):
        metric = _Published(metric)
    for method in ("reset", "update", "compute"):
        if not callable(getattr(metric, method, None)):
            raise ContractError(f"metric {name!r}: it has no method {method}()")
    checked: Metric = metric
    return checked
