"""F1: the harmonic mean of precision and recall, averaged over the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchmetrics.classification import MulticlassF1Score

from lemur_vision_cls.metrics.shapes import check_shapes

if TYPE_CHECKING:
    from torch import Tensor


class MacroF1(MulticlassF1Score):
    """Mean F1 of the classes that occur in targets or predictions, 0 to 1.

    Raises:
        ShapeError: The shapes do not match.
    """

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        [classes] = out_shape
        super().__init__(classes, average="macro", validate_args=False)

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add one batch."""
        assert self.num_classes is not None
        check_shapes(outputs, targets, self.num_classes)
        super().update(outputs, targets)
