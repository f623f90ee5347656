"""Accuracy: the fraction of images whose true class is among the most probable ones.

It is counted as in torchmetrics, but without importing torchmetrics: that takes longer than many an
epoch, and nearly every trial uses this metric.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from lemur_core.errors import ShapeError
from lemur_vision_cls.metrics.shapes import check_shapes

if TYPE_CHECKING:
    from torch import Tensor


class Accuracy:
    """Fraction of images whose class is among the ``top`` most probable, 0 to 1; NaN if none.

    Raises:
        ShapeError: There are fewer classes than ``top``, or the shapes do not match.
    """

    def __init__(self, out_shape: tuple[int, ...], top: int = 1) -> None:
        [self.classes] = out_shape
        if self.classes < top:
            raise ShapeError(
                f"acc{top} needs at least {top} classes; the dataset has {self.classes}"
            )
        self.top = top
        self.reset()

    def reset(self) -> None:
        """Reset the counts to zero."""
        self._hits: Tensor | int = 0
        self._count = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Count the hits of one batch."""
        check_shapes(outputs, targets, self.classes)
        hits = outputs.topk(self.top, dim=1).indices == targets[:, None]
        # The sum stays on the device, because reading it would wait for the batch.
        self._hits = self._hits + hits.sum()
        self._count += len(targets)

    def compute(self) -> float:
        """Return the fraction of hits."""
        return int(self._hits) / self._count if self._count else math.nan


acc, acc5 = Accuracy, partial(Accuracy, top=5)
