"""Resizing of images, masks and boxes on one grid.

The grid is that of pixels as squares: pixel ``i`` of ``old`` covers ``i`` to ``i + 1``, and a
position ``x`` moves to ``x * new / old``. Images are interpolated bilinearly between the centres of
pixels, antialiased; boxes are multiplied; each pixel of a mask takes the class at its own centre.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2


class Square(v2.Transform):  # type: ignore[misc] # torchvision has no types
    """Resize to ``size`` pixels a side, whatever the shape of the image."""

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
    """Resize in proportion, so that the longer side has ``size`` pixels, and the shorter some."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the height and width of the result."""
        sides = sides_of(flat_inputs)
        return {"size": [max(1, self.size * side // max(sides)) for side in sides]}


class Scale(Square):
    """Resize to ``size`` pixels a side times a factor that is drawn uniformly.

    Args:
        size: Height and width at a factor of 1, in pixels.
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
    """Return an image, a mask or boxes for an image of another size.

    Args:
        part: A `torchvision.tv_tensors` object.
        size: Height and width of the result, in pixels.
    """
    if isinstance(part, tv_tensors.Mask):
        return tv_tensors.wrap(nearest(part.as_subclass(Tensor), size), like=part)
    resized = v2.functional.resize(part, size)
    if isinstance(part, tv_tensors.BoundingBoxes):
        # The product of a width and a rounded factor can exceed the width of the result.
        return v2.functional.clamp_bounding_boxes(resized)
    return resized


def nearest(mask: Tensor, size: list[int]) -> Tensor:
    """Return a mask of another size, each pixel from the one at its centre.

    This is ``"nearest-exact"`` in whole numbers. torchvision resizes masks by ``"nearest"``, which
    takes the pixel at the upper left corner and so moves the mask right and down.

    Args:
        mask: Any dtype, shape ``(..., height, width)``.
        size: Height and width of the result, in pixels.

    >>> nearest(torch.tensor([[0, 1, 2, 3, 4, 5]]), [1, 2])
    tensor([[1, 4]])
    """
    for dim, new in zip((-2, -1), size, strict=True):
        old = mask.shape[dim]
        mask = mask.index_select(dim, (2 * torch.arange(new) + 1) * old // (2 * new))
    return mask


def sides_of(flat_inputs: list[Any]) -> tuple[int, int]:
    """Return the height and width of the image among the inputs of a transform."""
    image = next(each for each in flat_inputs if isinstance(each, tv_tensors.Image))
    height, width = image.shape[-2:]
    return height, width
