"""From images and labels to a data bundle that is held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from lemur_core.kinds.loader import DataBundle, InMemory, majority_share, normalisation_of
from lemur_vision_cls.loaders.presence import damaged

if TYPE_CHECKING:
    from pathlib import Path

Split = tuple[Tensor, Tensor]
"""Images, uint8 ``(samples, channels, H, W)``, and their class indices, int64 ``(samples,)``."""


def bundle(train: Split, test: Split, classes: int) -> DataBundle:
    """Return the data set; validation is held out of ``train`` later."""
    images, _ = train
    _, test_targets = test
    return DataBundle(
        InMemory(*train),
        InMemory(*test),
        out_shape=(classes,),
        chance=majority_share(test_targets),
        normalisation=normalisation_of(images),
    )


def checked(
    dataset: str, file: Path, split: Split, size: int, classes: int, labels: Path | None = None
) -> Split:
    """Return a split whose images and labels are as they should be.

    Args:
        dataset: Its name, for errors.
        file: Where its images are from.
        split: What was read.
        size: Height and width of its images, in pixels.
        classes: How many there are.
        labels: Where its labels are from, if from another file.

    Raises:
        MissingDataError: Of another size, not as many labels as images, none at all, or a label out
            of range.
    """
    images, targets = split
    if len(images) != len(targets) or not len(targets):
        raise damaged(dataset, file, f"it has {len(images)} images and {len(targets)} labels")
    height, width = images.shape[2:]
    if (height, width) != (size, size):
        raise damaged(dataset, file, f"images are {height}x{width}; expected {size}x{size}")
    low, high = targets.min().item(), targets.max().item()
    if low < 0 or high >= classes:
        raise damaged(
            dataset, labels or file, f"labels are {low} to {high}; expected 0 to {classes - 1}"
        )
    return split
