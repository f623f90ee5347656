"""Masks as pixels: the class of each pixel, or a mask for each object."""

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

    COCO does not define which of two overlapping objects is in front. The smaller one is used,
    because it could otherwise be hidden completely; of two objects of the same size, the later one.
    A crowd is a region of many objects, not all of whose pixels belong to objects; its pixels are
    `IGNORED` unless they belong to another object.

    Args:
        annotations: The annotations.
        image: The index of the image.
        objects: The indices of the selected objects and crowds, in ascending order.
        classes: Their classes.
    """
    height, width = annotations.image_sizes[image].tolist()
    # In column-major order, like run lengths.
    mask = np.zeros((height, width), np.int16, order="F")
    crowds, pixels = annotations.crowds[objects], annotations.pixels[objects]
    for index in np.lexsort((-pixels, ~crowds)):
        value = IGNORED if crowds[index] else classes[index]
        left, columns = annotations.columns[objects[index]].tolist()
        if columns:
            inside = pixels_of(annotations.code(objects[index]), height, columns)
            np.copyto(mask[:, left : left + columns], value, where=inside)
    # Convert to row-major order before the conversion to a larger type.
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
