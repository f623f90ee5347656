"""Accuracy: the share of images whose true class is among the most probable ones.

As torchmetrics counts it, without importing torchmetrics, which takes longer than many an epoch:
this is what nearly every trial is scored by.
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
    """Share of images whose class is among the ``top`` most probable: 0 to 1, NaN of no image.

    Raises:
        ShapeError: There are fewer classes than that, or the shapes do not go together.
    """

    def __init__(self, out_shape: tuple[int, ...], top: int = 1) -> None:
        [self.classes] = out_shape
        if self.classes < top:
            raise ShapeError(f"acc{top} looks at {top} classes; the data set has {self.classes}")
        self.top = top
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._hits: Tensor | int = 0
        self._count = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take one batch."""
        check_shapes(outputs, targets, self.classes)
        found = outputs.topk(self.top, dim=1).indices == targets[:, None]
        # Kept on the device: reading it out would wait for every batch.
        self._hits = self._hits + found.sum()
        self._count += len(targets)

    def compute(self) -> float:
        """Return the share of hits."""
        return int(self._hits) / self._count if self._count else math.nan


acc, acc5 = Accuracy, partial(Accuracy, top=5)
