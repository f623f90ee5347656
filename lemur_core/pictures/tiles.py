"""One picture: an image, a map of classes, a text, enlarged so that it can be seen."""

from __future__ import annotations

import math
from functools import cache

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from lemur_core.pictures.colours import Colour, readable_on

# Pixels that the longer side has at least, so that text fits.
_LEAST_SIDE = 192
TEXT_PX = 14
_LEAST_TEXT_PX = 8
MARGIN = 3
# A resize that is antialiased goes over by as much.
_ROUNDING = 1e-3


def scale_of(height: int, width: int) -> int:
    """Return by how much a picture is enlarged, a whole number, so that no pixel is another's.

    >>> scale_of(8, 8), scale_of(224, 100)
    (24, 1)
    """
    return math.ceil(_LEAST_SIDE / max(height, width))


def seen(pixels: Tensor) -> Tensor:
    """Return what a net is fed as an image.

    Args:
        pixels: float, of values in 0 to 1 (others are stretched to those), or complex, of which the
            real part is taken; shape ``(channels, H, W)``, of which three are taken, or else one.

    Returns:
        uint8, shape ``(H, W, 3)``.
    """
    real = pixels.real if pixels.is_complex() else pixels
    real = real[: 3 if len(real) >= 3 else 1].float().expand(3, -1, -1)
    low, high = real.min(), real.max()
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        real = (real - low) / (high - low).clamp(min=_ROUNDING)
    return (255 * real.clamp(0, 1)).round().to(torch.uint8).permute(1, 2, 0)


def enlarged(picture: Tensor, scale: int) -> Image.Image:
    """Return a picture, uint8 of shape ``(H, W, 3)``, each pixel ``scale`` pixels a side."""
    height, width, _ = picture.shape
    image = Image.fromarray(picture.contiguous().numpy())
    return image.resize((width * scale, height * scale), Image.Resampling.NEAREST)


def plate(size: tuple[int, int], text: str, ground: Colour, text_px: int = TEXT_PX) -> Image.Image:
    """Return a picture of a text in the middle of a colour, smaller where it needs more room.

    Args:
        size: Width and height of the picture, in pixels.
        text: One line or several.
        ground: The colour.
        text_px: Height of the text.
    """
    image = Image.new("RGB", size, ground)
    draw, middle = ImageDraw.Draw(image), (size[0] / 2, size[1] / 2)
    longest = max(font(text_px).getlength(line) for line in text.split("\n"))
    fitting = font(max(_LEAST_TEXT_PX, min(text_px, int(text_px * size[0] / max(longest, 1)))))
    draw.text(middle, text, readable_on(ground), fitting, anchor="mm", align="center")
    return image


def write(image: Image.Image, corner: tuple[float, float], text: str, ground: Colour) -> None:
    """Write a text on a colour above a corner, or below it where there is no room."""
    draw = ImageDraw.Draw(image)
    width, height = text_size(text)
    left = max(0, min(round(corner[0]), image.width - width))
    top = round(corner[1]) - height
    top = top if top >= 0 else max(0, min(round(corner[1]), image.height - height))
    draw.rectangle((left, top, left + width - 1, top + height - 1), ground)
    draw.text((left + MARGIN, top + height / 2), text, readable_on(ground), font(), anchor="lm")


def text_size(text: str) -> tuple[int, int]:
    """Return the width and height of a text with its margin, in pixels."""
    return math.ceil(font().getlength(text)) + 2 * MARGIN, TEXT_PX + MARGIN


@cache
def font(height: int = TEXT_PX) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, its height in pixels."""
    return ImageFont.load_default(height)
