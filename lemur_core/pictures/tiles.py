"""Create single pictures: images, maps of classes and texts, enlarged to a visible size."""

from __future__ import annotations

import math

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from lemur_core.pictures.colours import Colour, readable_on
from lemur_core.pictures.fonts import font_for

# Minimum length of the longer side in pixels, to leave room for text.
_MIN_SIDE_PX = 192
TEXT_PX = 14
_MIN_TEXT_PX = 8
MARGIN = 3
# Tolerance for values outside 0 to 1 after an antialiased resize.
_TOLERANCE = 1e-3


def scale_of(height: int, width: int) -> int:
    """Return the integer factor by which a picture is enlarged; an integer needs no interpolation.

    >>> scale_of(8, 8), scale_of(224, 100)
    (24, 1)
    """
    return math.ceil(_MIN_SIDE_PX / max(height, width))


def input_picture(pixels: Tensor) -> Tensor:
    """Convert the input of a net to a picture.

    Args:
        pixels: Float or complex, shape ``(channels, H, W)``. The real part is used, and the first
            three channels, or the first if there are fewer. Values outside 0 to 1 are rescaled to
            this range.

    Returns:
        uint8, shape ``(H, W, 3)``.
    """
    real = pixels.real if pixels.is_complex() else pixels
    real = real[: 3 if len(real) >= 3 else 1].float().expand(3, -1, -1)
    low, high = real.min(), real.max()
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        real = (real - low) / (high - low).clamp(min=_TOLERANCE)
    return (255 * real.clamp(0, 1)).round().to(torch.uint8).permute(1, 2, 0)


def enlarge(picture: Tensor, scale: int) -> Image.Image:
    """Enlarge a picture, uint8, shape ``(H, W, 3)``, by an integer factor."""
    height, width, _ = picture.shape
    image = Image.fromarray(picture.contiguous().numpy())
    return image.resize((width * scale, height * scale), Image.Resampling.NEAREST)


def text_tile(
    size: tuple[int, int], text: str, ground: Colour, text_px: int = TEXT_PX
) -> Image.Image:
    """Return a picture with centred text, which is reduced in size if it is too wide.

    Args:
        size: Width and height of the picture, in pixels.
        text: The text, one line or several.
        ground: Background colour.
        text_px: Height of the text in pixels.
    """
    image = Image.new("RGB", size, ground)
    draw, middle = ImageDraw.Draw(image), (size[0] / 2, size[1] / 2)
    longest = max(font_for(text, text_px).getlength(line) for line in text.split("\n"))
    fitting_px = max(_MIN_TEXT_PX, min(text_px, int(text_px * size[0] / max(longest, 1))))
    fitting = font_for(text, fitting_px)
    draw.text(middle, text, readable_on(ground), fitting, anchor="mm", align="center")
    return image


def write(image: Image.Image, corner: tuple[float, float], text: str, ground: Colour) -> None:
    """Write text on a background colour above a corner, or below it if there is no room."""
    draw = ImageDraw.Draw(image)
    width, height = text_size(text)
    left = max(0, min(round(corner[0]), image.width - width))
    top = round(corner[1]) - height
    top = top if top >= 0 else max(0, min(round(corner[1]), image.height - height))
    draw.rectangle((left, top, left + width - 1, top + height - 1), ground)
    draw.text(
        (left + MARGIN, top + height / 2),
        text,
        readable_on(ground),
        font_for(text, TEXT_PX),
        anchor="lm",
    )


def text_size(text: str) -> tuple[int, int]:
    """Return the width and height of a text including its margin, in pixels."""
    return math.ceil(font_for(text, TEXT_PX).getlength(text)) + 2 * MARGIN, TEXT_PX + MARGIN
