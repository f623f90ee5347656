"""Read image files of any mode: the reader that all plugins share.

- Images come upright: the EXIF orientation is applied. No other tag is looked at, so damaged
  metadata never costs an image.
- Palettes are looked up, CMYK is converted, and transparency is dropped: the colour stored in a
  transparent pixel is kept. Of an animation or a file of several pages, the first image is read.
- Grey images of more than 8 bits are scaled by the range of their type, 0 to 65,535 for 16 bits and
  0 to 4,095 for 12, whatever values the image holds. Colours of 16 bits keep their higher byte.
  Signed, 32-bit and floating-point values have no such range and are refused.

Reading needs Pillow: a plugin that imports this module declares it, or ``lemur-core[pictures]``.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import torch
from torch import Tensor

from lemur_core.errors import CorruptSampleError, MissingDataError, PluginError
from lemur_core.images import jpeg, tiff
from lemur_core.images.depth import to_eight_bits
from lemur_core.images.orientation import orientation, orientation_in, upright

try:
    from PIL import Image, UnidentifiedImageError
except ModuleNotFoundError as missing:
    raise PluginError(
        "images are read with Pillow, which is not installed; pip install 'lemur-core[pictures]'"
    ) from missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL.Image import Image as PilImage

__all__ = [
    "SUFFIXES",
    "check_size",
    "decoding",
    "is_grey",
    "read_image",
    "read_labels",
    "stored_size",
]

SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
        *(".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
    )
)
"""What the names of image files end in, in small letters."""

_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
# Pillow raises any of these when the bytes are not what their format says.
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


def read_image(file: Path, channels: int = 3) -> Tensor:
    """Return the image in a file, upright.

    Its values lie pixel after pixel, as they are decoded: laying them out channel after channel
    would take a third as long as decoding, and resizing takes either.

    Args:
        file: The file.
        channels: 3 for RGB, 1 for grey.

    Returns:
        uint8, shape ``(channels, height, width)``.

    Raises:
        CorruptSampleError: It cannot be decoded.
        MissingDataError: It cannot be read.
    """
    content = _content(file)
    with decoding(file), _opened(content) as (image, turn):
        whole = to_eight_bits(image)
        converted = _converted(whole, "RGB" if channels == 3 else "L")
        # Copied, as arrays that share Pillow's memory cannot be written.
        pixels = torch.from_numpy(np.array(upright(converted, turn)))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def read_labels(file: Path) -> Tensor:
    """Return the values of a mask, upright, as they are stored: no palette is looked up.

    Args:
        file: An image of 8 bits, grey or with a palette.

    Returns:
        uint8, shape ``(height, width)``.

    Raises:
        CorruptSampleError: It cannot be decoded, or is of another mode.
        MissingDataError: It cannot be read.
    """
    content = _content(file)
    with decoding(file), _opened(content) as (image, turn):
        if image.mode not in ("L", "P"):
            raise CorruptSampleError(str(file), f"its mode is {image.mode!r}; expected 'P' or 'L'")
        return torch.from_numpy(np.array(upright(image, turn)))


def is_grey(file: Path) -> bool | None:
    """Return whether an image is grey, from its header alone; None if that cannot be read."""
    try:
        with file.open("rb") as stream:
            frame = jpeg.frame(stream)
            if frame is not None:
                return frame.channels == 1
            with _header(stream) as image:
                return image.mode in _GREY_MODES
    except _UNDECODABLE:
        return None


def stored_size(file: Path) -> tuple[int, int]:
    """Return an image's height and width in pixels before its EXIF orientation is applied.

    Only the header is read.

    Raises:
        CorruptSampleError: It cannot be decoded.
        MissingDataError: It cannot be read.
    """
    with decoding(file), file.open("rb") as stream:
        frame = jpeg.frame(stream)
        if frame is not None:
            return frame.height, frame.width
        with _header(stream) as image:
            # Pillow states a TIFF's size as it is once turned.
            tags = getattr(image, "tag_v2", {})
            width, height = tags.get(256, image.width), tags.get(257, image.height)
            return height, width


def check_size(file: Path, image: Tensor, size: tuple[int, int], source: str) -> None:
    """Raise an error if an image does not have the size that its annotations state.

    Args:
        file: The image's file.
        image: What `read_image` returned, shape ``(channels, height, width)``.
        size: Height and width that the annotations state, in pixels.
        source: What states it, such as the name of the annotations' file.

    Raises:
        CorruptSampleError: The sizes differ. If the annotations were made for the image as it is
            stored, before its EXIF orientation is applied, the reason says so.
    """
    found = (image.shape[-2], image.shape[-1])
    if found == size:
        return
    stated, is_now = (f"{width}x{height}" for height, width in (size, found))
    reason = f"it is {is_now} pixels; {source} says {stated}"
    if stored_size(file) == size:
        reason = (
            f"it is {is_now} pixels, turned upright by its EXIF orientation; {source} says "
            f"{stated}, its size before: remove the orientation, or annotate the upright image"
        )
    raise CorruptSampleError(str(file), reason)


@contextmanager
def decoding(file: Path) -> Iterator[None]:
    """Turn whatever decoding a sample's file raises into one line.

    Raises:
        CorruptSampleError: The file is not what its format says.
        MissingDataError: It cannot be read.
    """
    try:
        yield
    except (CorruptSampleError, MissingDataError):
        raise
    except UnidentifiedImageError as error:
        raise CorruptSampleError(str(file), "it is no image of a known format") from error
    except _UNDECODABLE as error:
        # The system's errors have a number, Pillow's have none.
        if isinstance(error, OSError) and error.errno is not None:
            raise MissingDataError(f"{file} cannot be read: {error.strerror}") from error
        raise CorruptSampleError(str(file), str(error) or type(error).__name__) from error


def _content(file: Path) -> bytes:
    with decoding(file):
        return file.read_bytes()


@contextmanager
def _opened(content: bytes) -> Iterator[tuple[PilImage, int]]:
    """Give a decoded image, as it is stored, and its orientation, 1 to 8."""
    if jpeg.is_jpeg(content):
        # Pillow reads tags when it opens a JPEG, and an odd one would make it fail, or warn.
        content, exif, xmp = jpeg.without_metadata(content)
        with Image.open(io.BytesIO(content)) as image:
            yield image, orientation_in(exif, xmp)
        return
    with Image.open(io.BytesIO(tiff.without_metadata(content))) as image:
        # A PNG may have its EXIF after the pixels.
        image.load()
        yield image, orientation(image)


def _header(stream: BinaryIO) -> PilImage:
    """Return an image that is not decoded yet."""
    begin = stream.read(tiff.MAGIC_BYTES)
    stream.seek(0)
    if tiff.is_tiff(begin):
        return Image.open(io.BytesIO(tiff.without_metadata(stream.read())))
    return Image.open(stream)


def _converted(image: PilImage, mode: str) -> PilImage:
    if image.mode == "P" and "transparency" in image.info:
        # Pillow warns of transparency that is lost unless it is first converted.
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)
