"""Top-1 accuracy: the share of images whose most probable class is the true one."""

from __future__ import annotations

import math

from torch import Tensor

from lemur_core.errors import ShapeError


class Accuracy:
    """Share of hits over all images since the reset.

    `update` takes logits or probabilities, float, shape ``(batch, classes)``, and class indices,
    int64, shape ``(batch,)``; `compute` gives a number, 0 to 1, NaN when it saw no image.
    """

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        self.classes = out_shape[0]
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._hits: Tensor | int = 0
        self._count = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take one batch.

        Raises:
            ShapeError: The shapes are not ``(batch, classes)`` and ``(batch,)``.
        """
        if targets.ndim != 1 or outputs.shape != (len(targets), self.classes):
            raise ShapeError(
                f"accuracy of outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)}: "
                f"expected (batch, {self.classes}) and (batch,)"
            )
        # Kept on the device: reading it out would wait for every batch.
        self._hits = self._hits + (outputs.argmax(1) == targets).sum()
        self._count += len(targets)

    def compute(self) -> float:
        """Return the share of hits."""
        return int(self._hits) / self._count if self._count else math.nan
