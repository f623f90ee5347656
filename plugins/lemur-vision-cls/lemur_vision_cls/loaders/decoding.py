"""Image files of any mode to tensors.

As Pillow's ``convert`` has it: palettes are looked up, CMYK is converted, and of a pixel that is
transparent the colour is kept that lies beneath. Of 16 bits, grey is scaled by their range, where
Pillow would cut off what exceeds 255.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from lemur_core.errors import CorruptSampleError, MissingDataError

GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N", "I"})
# 65535 is 257 times 255.
_STEP_OF_16_BITS = 257
# Pillow raises any of these where the bytes are not what their format says.
_UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def decode(path: Path, channels: int = 3, *, upright: bool = False) -> Tensor:
    """Return the image of a file.

    Args:
        path: The file.
        channels: 3 for RGB, 1 for grey.
        upright: Turn a photograph as its EXIF orientation says; else its pixels come as they are
            stored, which is how torchvision reads them and scores are published.

    Returns:
        uint8, shape ``(channels, height, width)``.

    Raises:
        CorruptSampleError: It cannot be decoded.
        MissingDataError: It cannot be read.
    """
    try:
        with Image.open(path) as image:
            whole = image if _bits(image) == 8 else _scaled(image)
            turned = ImageOps.exif_transpose(whole) if upright else whole
            return _tensor(_converted(turned, "RGB" if channels == 3 else "L"))
    except UnidentifiedImageError as error:
        raise CorruptSampleError(str(path), "it is no image of a known format") from error
    except _UNDECODABLE as error:
        # What the system says has a number, what Pillow says has none.
        if isinstance(error, OSError) and error.errno is not None:
            raise MissingDataError(f"{path} cannot be read: {error.strerror}") from error
        raise CorruptSampleError(str(path), str(error) or type(error).__name__) from error


def is_grey(path: Path) -> bool | None:
    """Return whether an image is grey, from its header alone; None where that cannot be read."""
    try:
        with Image.open(path) as image:
            return image.mode in GREY_MODES
    except _UNDECODABLE:
        return None


def _bits(image: Image.Image) -> int:
    """Return the bits of a channel, 8 for any mode that Pillow converts itself."""
    # A PGM of two bytes a pixel is scaled to 16 bits, and held in 32.
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return 16
    if image.mode in ("I", "F"):
        raise ValueError(f"its mode is {image.mode!r}, 32 bits; expected 8 or 16")
    return 8


def _scaled(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    grey = ((values + _STEP_OF_16_BITS // 2) // _STEP_OF_16_BITS).astype(np.uint8)
    scaled = Image.fromarray(grey)
    scaled.info["exif"] = image.getexif().tobytes()
    return scaled


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "P" and "transparency" in image.info:
        # Pillow warns of the transparency where it is not asked to keep it first.
        image = image.convert("RGBA")
    return image.convert(mode)


def _tensor(image: Image.Image) -> Tensor:
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()
