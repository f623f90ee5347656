"""The colour of each class, the same in every picture."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from functools import cache

import torch
from torch import Tensor

Colour = tuple[int, int, int]

# Class 0 is the background in tasks that have one.
FIRST: Colour = (0, 0, 0)
GREY: Colour = (128, 128, 128)
# Steps of the golden ratio keep each hue away from the previous ones, and three levels of
# saturation and value distinguish hues that come close eventually. With these numbers, the first
# twenty colours are far from each other, from black and from grey.
_HUE, _STEP = 0.682, 0.618034
_SATURATION_VALUE = ((0.65, 0.87), (0.45, 0.70), (0.83, 0.97))
_BRIGHT = 128


@cache
def colour(number: int) -> Colour:
    """Return the colour of a class; grey for a negative number, as of ignored pixels.

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
    """Return black or white, whichever is more legible on a background colour."""
    red, green, blue = ground
    # The luma of BT.601.
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > _BRIGHT else (255, 255, 255)


def class_picture(classes: Tensor) -> Tensor:
    """Return a picture in which each pixel has the colour of its class.

    Args:
        classes: Class of each pixel, int64, shape ``(H, W)``; negative if it is ignored.

    Returns:
        uint8, shape ``(H, W, 3)``.
    """
    picture = torch.empty(*classes.shape, 3, dtype=torch.uint8)
    for number in classes.unique().tolist():
        picture[classes == number] = torch.tensor(colour(number), dtype=torch.uint8)
    return picture
