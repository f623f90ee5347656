"""Make a data bundle in memory from images and labels."""

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
    """Return the dataset. A validation split is held out of ``train`` later."""
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
    """Return a split after checking its images and labels.

    Args:
        dataset: Name of the dataset, for errors.
        file: The file of the images.
        split: The images and labels.
        size: Expected height and width of the images in pixels.
        classes: Number of classes.
        labels: The file of the labels, if it is another one.

    Raises:
        MissingDataError: The images have another size, the numbers of images and labels differ or
            are 0, or a label is out of range.
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
