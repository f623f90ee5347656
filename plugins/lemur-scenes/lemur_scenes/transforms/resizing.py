"""Resize images, masks and boxes on the same grid.

Pixels are squares: of ``old`` pixels, pixel ``i`` covers ``i`` to ``i + 1``, and a position ``x``
moves to ``x * new / old``. Images are interpolated bilinearly between the centres of pixels, with
antialiasing. Boxes are multiplied. Each pixel of a mask has the class at its centre.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2


class Square(v2.Transform):  # type: ignore[misc] # torchvision has no types
    """Resizes to ``size`` pixels a side, whatever the shape of the image."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the height and width of the result."""
        return {"size": [self.size, self.size]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Resize an image, a mask or boxes."""
        return resize(inpt, **params)


class Fit(Square):
    """Resizes in proportion, to ``size`` pixels on the longer side."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the height and width of the result."""
        sides = sides_of(flat_inputs)
        return {"size": [max(1, self.size * side // max(sides)) for side in sides]}


class Scale(Square):
    """Resizes to ``size`` pixels a side times a uniformly random factor.

    Args:
        size: The height and width at a factor of 1, in pixels.
        least: The least factor.
        most: The greatest factor.
    """

    def __init__(self, size: int, least: float, most: float) -> None:
        super().__init__(size)
        self.least, self.most = least, most

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the height and width of the result."""
        factor = self.least + torch.rand(1).item() * (self.most - self.least)
        side = max(1, int(self.size * factor))
        return {"size": [side, side]}


def resize(part: Any, size: list[int]) -> Any:
    """Return a resized image or mask, or the boxes of a resized image.

    Args:
        part: An image, a mask or boxes of `torchvision.tv_tensors`.
        size: The new height and width of the image, in pixels.
    """
    if isinstance(part, tv_tensors.Mask):
        return tv_tensors.wrap(nearest(part.as_subclass(Tensor), size), like=part)
    resized = v2.functional.resize(part, size)
    if isinstance(part, tv_tensors.BoundingBoxes):
        # The product of a width and a rounded factor can exceed the width of the result.
        return v2.functional.clamp_bounding_boxes(resized)
    return resized


def nearest(mask: Tensor, size: list[int]) -> Tensor:
    """Return a resized mask, each pixel of which is the original pixel at its centre.

    This is ``"nearest-exact"`` in integers. torchvision resizes masks by ``"nearest"``, which uses
    the pixel at the upper left corner and so moves the mask to the right and down.

    Args:
        mask: The mask, any dtype, shape ``(..., height, width)``.
        size: The height and width of the result, in pixels.

    >>> nearest(torch.tensor([[0, 1, 2, 3, 4, 5]]), [1, 2])
    tensor([[1, 4]])
    """
    for dim, new in zip((-2, -1), size, strict=True):
        old = mask.shape[dim]
        mask = mask.index_select(dim, (2 * torch.arange(new) + 1) * old // (2 * new))
    return mask


def sides_of(flat_inputs: list[Any]) -> tuple[int, int]:
    """Return the height and width of the image among the inputs of a transform."""
    image = next(value for value in flat_inputs if isinstance(value, tv_tensors.Image))
    height, width = image.shape[-2:]
    return height, width
