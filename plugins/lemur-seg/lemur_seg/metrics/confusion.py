"""Scores of pixel classes, computed from one confusion matrix over the whole dataset.

Pixels with the target class `IGNORED` are ignored. ``outputs`` are logits, float, shape ``(batch,
classes, H, W)``; ``targets`` are class indices, int64, shape ``(batch, H, W)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lemur_core.errors import LabelError, ShapeError
from lemur_core.kinds.loader import IGNORED


class ConfusionCounts(nn.Module):
    """A confusion matrix: the number of pixels for each pair of true and predicted class.

    Args:
        out_shape: ``(classes,)``.
        ignore: Target class of the pixels to ignore.
    """

    counts: Tensor

    def __init__(self, out_shape: tuple[int, ...], ignore: int = IGNORED) -> None:
        super().__init__()
        self.classes, self.ignore = out_shape[0], ignore
        counts = torch.zeros(self.classes, self.classes, dtype=torch.int64)
        self.register_buffer("counts", counts, persistent=False)

    def reset(self) -> None:
        """Reset the counts to zero."""
        self.counts.zero_()

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Count the pixels of one batch.

        Raises:
            ShapeError: The shape of the outputs does not match that of the targets.
            LabelError: A target is neither a class nor the ignored value.
        """
        batch, *sides = targets.shape
        if outputs.shape != (batch, self.classes, *sides):
            raise ShapeError(
                f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}: "
                f"expected {(batch, self.classes, *sides)}"
            )
        # The rows of the classes are surrounded by a row for targets below and a row for targets
        # above them, both of which must stay empty. Ignored pixels are counted in an extra bin,
        # because removing them would take longer. max returns the same classes as argmax in half
        # the time.
        rows = targets.clamp(-1, self.classes) + 1
        pairs = rows * self.classes + outputs.max(1).indices
        bins = (self.classes + 2) * self.classes
        pairs[targets == self.ignore] = bins
        counts = torch.bincount(pairs.flatten(), minlength=bins + 1)[:-1]
        below, *class_rows, above = counts.reshape(-1, self.classes)
        if below.any() or above.any():
            raise self._label_error(targets)
        self.counts += torch.stack(class_rows)

    def _label_error(self, targets: Tensor) -> LabelError:
        is_wrong = ((targets < 0) | (targets >= self.classes)) & (targets != self.ignore)
        value = int(targets[is_wrong][0])
        return LabelError(
            value,
            f"a target has a pixel of class {value}; expected 0 to {self.classes - 1}, "
            f"or {self.ignore} for pixels to ignore",
        )

    def _totals(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the numbers of correct, true and predicted pixels of each class."""
        counts = self.counts.double()
        return counts.diagonal(), counts.sum(1), counts.sum(0)


class MeanIoU(ConfusionCounts):
    """Intersection over union, averaged over the classes that occur in targets or outputs."""

    def compute(self) -> Tensor:
        """Return the score, 0 to 1; 0 if all pixels are ignored."""
        correct, true, predicted = self._totals()
        return _mean_present(correct, true + predicted - correct)


class Dice(ConfusionCounts):
    """Dice coefficient, averaged over the classes that occur in targets or outputs."""

    def compute(self) -> Tensor:
        """Return the score, 0 to 1; 0 if all pixels are ignored."""
        correct, true, predicted = self._totals()
        return _mean_present(2 * correct, true + predicted)


class PixelAccuracy(ConfusionCounts):
    """Fraction of pixels whose most probable class is the true class."""

    def compute(self) -> Tensor:
        """Return the score, 0 to 1; 0 if all pixels are ignored."""
        correct, true, _ = self._totals()
        return correct.sum() / true.sum().clamp(min=1)


def _mean_present(numerators: Tensor, denominators: Tensor) -> Tensor:
    present = denominators > 0
    return (numerators[present] / denominators[present]).sum() / present.sum().clamp(min=1)
