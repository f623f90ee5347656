"""Scores of the classes of pixels, all from one confusion matrix of the whole data set.

Pixels of the target class `IGNORED` do not count. ``outputs`` are logits, float, shape
``(batch, classes, H, W)``, ``targets`` class indices, int64, shape ``(batch, H, W)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lemur_core.errors import LabelError, ShapeError
from lemur_core.kinds.loader import IGNORED


class Confusion(nn.Module):
    """How many pixels of each class were given each class.

    Args:
        out_shape: ``(classes,)``.
        ignore: Index of targets that do not count.
    """

    counts: Tensor

    def __init__(self, out_shape: tuple[int, ...], ignore: int = IGNORED) -> None:
        super().__init__()
        self.classes, self.ignore = out_shape[0], ignore
        counts = torch.zeros(self.classes, self.classes, dtype=torch.int64)
        self.register_buffer("counts", counts, persistent=False)

    def reset(self) -> None:
        """Forget everything."""
        self.counts.zero_()

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take one batch.

        Raises:
            ShapeError: The outputs are not logits of the targets' pixels.
            LabelError: A target is no class, and does not say that it is not to count.
        """
        batch, *sides = targets.shape
        if outputs.shape != (batch, self.classes, *sides):
            raise ShapeError(
                f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}: "
                f"expected {(batch, self.classes, *sides)}"
            )
        # A row for what is below the classes and one for what is above, each to be empty, around
        # those of the classes; and a bin of its own for what does not count, as taking that out
        # would take longer. The classes of max are those of argmax, in half the time.
        rows = targets.clamp(-1, self.classes) + 1
        pairs = rows * self.classes + outputs.max(1).indices
        bins = (self.classes + 2) * self.classes
        pairs[targets == self.ignore] = bins
        counts = torch.bincount(pairs.flatten(), minlength=bins + 1)[:-1]
        below, *of_classes, above = counts.reshape(-1, self.classes)
        if below.any() or above.any():
            raise self._wrong(targets)
        self.counts += torch.stack(of_classes)

    def _wrong(self, targets: Tensor) -> LabelError:
        wrong = ((targets < 0) | (targets >= self.classes)) & (targets != self.ignore)
        value = int(targets[wrong][0])
        return LabelError(
            value,
            f"a target has a pixel of class {value}; expected 0 to {self.classes - 1}, "
            f"or {self.ignore} for pixels that do not count",
        )

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return how many pixels of each class fit, are its, and were given it."""
        counts = self.counts.double()
        return counts.diagonal(), counts.sum(1), counts.sum(0)


class MeanIoU(Confusion):
    """Intersection over union, averaged over the classes that are in targets or outputs."""

    def compute(self) -> Tensor:
        """Return the score, 0 to 1; 0 where no pixel counts."""
        fit, true, given = self._parts()
        return _mean_present(fit, true + given - fit)


class Dice(Confusion):
    """Dice coefficient, averaged over the classes that are in targets or outputs."""

    def compute(self) -> Tensor:
        """Return the score, 0 to 1; 0 where no pixel counts."""
        fit, true, given = self._parts()
        return _mean_present(2 * fit, true + given)


class PixelAccuracy(Confusion):
    """The share of pixels that were given their class."""

    def compute(self) -> Tensor:
        """Return the score, 0 to 1; 0 where no pixel counts."""
        fit, true, _ = self._parts()
        return fit.sum() / true.sum().clamp(min=1)


def _mean_present(parts: Tensor, wholes: Tensor) -> Tensor:
    present = wholes > 0
    return (parts[present] / wholes[present]).sum() / present.sum().clamp(min=1)
