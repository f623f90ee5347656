"""Masks in pixels: the class of each, or one mask for each object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lemur_core.kinds.loader import IGNORED
from lemur_scenes.coco.runs import pixels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lemur_scenes.coco.annotations import Annotations


def class_mask(
    annotations: Annotations, image: int, objects: NDArray[np.int64], classes: NDArray[np.int64]
) -> Tensor:
    """Return the class of each pixel, int64, shape ``(height, width)``.

    COCO does not say which of two objects is in front. A smaller one is taken to be, as else it
    would be hidden in what it lies on; of two of one size, the one that is said later. A crowd is
    many objects that were not told apart, and not all in it is theirs: its pixels are `IGNORED`
    where no object is.

    Args:
        annotations: Of the image.
        image: Its index.
        objects: Indices of the objects and crowds that count, in their order.
        classes: Their classes.
    """
    height, width = annotations.image_sizes[image].tolist()
    # Column by column, as run lengths are.
    mask = np.zeros((height, width), np.int16, order="F")
    crowds, pixels = annotations.crowds[objects], annotations.pixels[objects]
    for place in np.lexsort((-pixels, ~crowds)):
        value = IGNORED if crowds[place] else classes[place]
        left, columns = annotations.columns[objects[place]].tolist()
        if columns:
            inside = pixels_of(annotations.code(objects[place]), height, columns)
            np.copyto(mask[:, left : left + columns], value, where=inside)
    # Laid out row by row while it is small.
    return torch.from_numpy(mask.T).T.contiguous().to(torch.int64)


def object_masks(annotations: Annotations, image: int, objects: NDArray[np.int64]) -> Tensor:
    """Return the mask of each object, 0 or 1, uint8, shape ``(objects, height, width)``."""
    height, width = annotations.image_sizes[image].tolist()
    masks = np.zeros((len(objects), height, width), np.uint8)
    for mask, number in zip(masks, objects.tolist(), strict=True):
        left, columns = annotations.columns[number].tolist()
        if columns:
            mask[:, left : left + columns] = pixels_of(annotations.code(number), height, columns)
    return torch.from_numpy(masks)
