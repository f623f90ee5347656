"""Errors for classes that are numbers, such as ages, counts or grades: how far off they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lemur_vision_cls.metrics.shapes import check_shapes

if TYPE_CHECKING:
    from torch import Tensor


class MeanAbsoluteError:
    """Mean absolute difference between the indices of the predicted and the true class.

    The error is 0 or more; lower is better.

    Args:
        out_shape: The number of classes, ``(classes,)``.

    Raises:
        ShapeError: The shapes do not match.
    """

    higher_is_better = False

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        [self._classes] = out_shape
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._total: Tensor | int = 0
        self._count = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add one batch."""
        check_shapes(outputs, targets, self._classes)
        # As in `Accuracy`, the sum stays on the device.
        self._total = self._total + self._distances(outputs.argmax(1) - targets).sum()
        self._count += len(targets)

    def _distances(self, differences: Tensor) -> Tensor:
        return differences.abs()

    def compute(self) -> float:
        """Return the error of all batches since the reset; NaN if there are none."""
        return int(self._total) / self._count if self._count else math.nan


class RootMeanSquaredError(MeanAbsoluteError):
    """Root of the mean squared difference between the indices of predicted and true class.

    Arguments and errors are those of `MeanAbsoluteError`.
    """

    def _distances(self, differences: Tensor) -> Tensor:
        return differences.square()

    def compute(self) -> float:
        """Return the error of all batches since the reset; NaN if there are none."""
        return math.sqrt(super().compute())
