"""Scores of the classes of pixels, all from one confusion matrix of the whole data set.

Pixels of the target class `IGNORED` do not count. ``outputs`` are logits, float, shape
``(batch, classes, H, W)``, ``targets`` class indices, int64, shape ``(batch, H, W)``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lemur_core.errors import ShapeError
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
        """
        batch, *sides = targets.shape
        if outputs.shape != (batch, self.classes, *sides):
            raise ShapeError(
                f"outputs {tuple(outputs.shape)} for targets {tuple(targets.shape)}: "
                f"expected {(batch, self.classes, *sides)}"
            )
        # The classes of max are those of argmax, in half the time.
        pairs = targets * self.classes + outputs.max(1).indices
        # What does not count goes to a bin of its own: taking it out would take longer.
        pairs[targets == self.ignore] = self.classes**2
        counts = torch.bincount(pairs.flatten(), minlength=self.classes**2 + 1)[:-1]
        self.counts += counts.reshape(self.counts.shape)

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
