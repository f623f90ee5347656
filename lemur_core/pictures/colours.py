"""The colour of each class, the same in every picture."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from functools import cache

import torch
from torch import Tensor

Colour = tuple[int, int, int]

# Class 0 is the background where there is one.
FIRST: Colour = (0, 0, 0)
GREY: Colour = (128, 128, 128)
# By the golden ratio no hue is near those before it; three ways to be bright part those that come
# near in the end. With these numbers the first twenty are far from each other, from black and from
# grey.
_HUE, _STEP = 0.682, 0.618034
_SATURATION_VALUE = ((0.65, 0.87), (0.45, 0.70), (0.83, 0.97))
_LIGHT = 128


@cache
def colour(number: int) -> Colour:
    """Return the colour of a class; grey of `IGNORED`, which does not count.

    >>> colour(0), colour(-100)
    ((0, 0, 0), (128, 128, 128))
    """
    if number < 0:
        return GREY
    if number == 0:
        return FIRST
    hue = (_HUE + number * _STEP) % 1
    red, green, blue = hsv_to_rgb(hue, *_SATURATION_VALUE[number % 3])
    return round(255 * red), round(255 * green), round(255 * blue)


def readable_on(ground: Colour) -> Colour:
    """Return black or white, whichever is read better on a colour."""
    red, green, blue = ground
    # As bright as BT.601 says that eyes find it.
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > _LIGHT else (255, 255, 255)


def painted(classes: Tensor) -> Tensor:
    """Return a picture of the class of each pixel.

    Args:
        classes: int64, shape ``(H, W)``; below 0 does not count.

    Returns:
        uint8, shape ``(H, W, 3)``.
    """
    picture = torch.empty(*classes.shape, 3, dtype=torch.uint8)
    for number in classes.unique().tolist():
        picture[classes == number] = torch.tensor(colour(number), dtype=torch.uint8)
    return picture
