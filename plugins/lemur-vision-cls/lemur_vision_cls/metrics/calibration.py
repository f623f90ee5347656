"""Calibration: how closely the probability of the predicted class matches the accuracy.

Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017 (equation 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchmetrics.classification import MulticlassCalibrationError as Miscalibration

from lemur_vision_cls.metrics.shapes import check_shapes

if TYPE_CHECKING:
    from torch import Tensor

BINS = 15


class Calibration(Miscalibration):
    """1 minus the expected calibration error over 15 bins, 0 to 1; higher is better.

    Raises:
        ShapeError: The shapes do not match.
    """

    higher_is_better = True

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        [classes] = out_shape
        super().__init__(classes, n_bins=BINS, norm="l1", validate_args=False)

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add one batch."""
        check_shapes(outputs, targets, self.num_classes)
        # torchmetrics would treat logits that all lie in 0..1 as probabilities.
        super().update(outputs.softmax(1), targets)

    def compute(self) -> Tensor:
        """Return the score of all batches since the reset."""
        return 1 - super().compute()
