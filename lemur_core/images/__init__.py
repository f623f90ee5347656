"""Read image files of any mode; all plugins share this reader.

- Images are upright: the EXIF orientation is applied. No other tag is read, so an image with
  damaged metadata can still be read.
- Palettes and CMYK are converted to RGB, and transparency is dropped: a transparent pixel keeps its
  stored colour. From an animation or a file with several pages, the first image is read.
- Grey images with more than 8 bits are scaled by the range of their type, 0 to 65,535 for 16 bits
  and 0 to 4,095 for 12 bits, not by the values in the image. Colours with 16 bits are reduced to
  their high byte. Signed, 32-bit and floating-point values have no fixed range and are rejected.

Importing this module imports neither torch nor NumPy, so that headers can be read without them.

Reading requires Pillow: a plugin that imports this module depends on it, or on
``lemur-core[pictures]``.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

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
    from torch import Tensor

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
"""Suffixes of image files, in lower case."""

_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"})
# Errors that Pillow raises for invalid image data.
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
    """Read an image and turn it upright.

    The memory layout is channels-last, as decoded: converting it would take a third of the time of
    decoding, and resizing accepts both layouts.

    Args:
        file: The file.
        channels: 3 for RGB, 1 for grey.

    Returns:
        uint8, shape ``(channels, height, width)``.

    Raises:
        CorruptSampleError: The file cannot be decoded.
        MissingDataError: The file cannot be read.
    """
    import numpy as np
    import torch

    content = _content(file)
    with decoding(file), _opened(content) as (image, turn):
        whole = to_eight_bits(image)
        converted = _converted(whole, "RGB" if channels == 3 else "L")
        # Copied, as arrays that share Pillow's memory are read-only.
        pixels = torch.from_numpy(np.array(upright(converted, turn)))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def read_labels(file: Path) -> Tensor:
    """Read the stored values of a mask, without applying its palette, and turn it upright.

    Args:
        file: An 8-bit image, grey or with a palette.

    Returns:
        uint8, shape ``(height, width)``.

    Raises:
        CorruptSampleError: The file cannot be decoded, or the image has another mode.
        MissingDataError: The file cannot be read.
    """
    import numpy as np
    import torch

    content = _content(file)
    with decoding(file), _opened(content) as (image, turn):
        if image.mode not in ("L", "P"):
            raise CorruptSampleError(str(file), f"its mode is {image.mode!r}; expected 'P' or 'L'")
        return torch.from_numpy(np.array(upright(image, turn)))


def is_grey(file: Path) -> bool | None:
    """Return whether an image is grey, reading only its header; None if it cannot be read."""
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
        CorruptSampleError: The file cannot be decoded.
        MissingDataError: The file cannot be read.
    """
    with decoding(file), file.open("rb") as stream:
        frame = jpeg.frame(stream)
        if frame is not None:
            return frame.height, frame.width
        with _header(stream) as image:
            # For a TIFF, Pillow reports the size after applying the orientation.
            tags = getattr(image, "tag_v2", {})
            width, height = tags.get(256, image.width), tags.get(257, image.height)
            return height, width


def check_size(file: Path, image: Tensor, size: tuple[int, int], source: str) -> None:
    """Check that an image has the size that its annotations state.

    Args:
        file: The image's file.
        image: Image that `read_image` returned, shape ``(channels, height, width)``.
        size: Height and width according to the annotations, in pixels.
        source: Source of this size, for example the name of the annotation file.

    Raises:
        CorruptSampleError: The sizes differ. The reason says if the annotations match the image
            before its EXIF orientation is applied.
    """
    actual = (image.shape[-2], image.shape[-1])
    if actual == size:
        return
    stated_text, actual_text = (f"{width}x{height}" for height, width in (size, actual))
    reason = f"it is {actual_text} pixels; {source} says {stated_text}"
    if stored_size(file) == size:
        reason = (
            f"it is {actual_text} pixels, turned upright by its EXIF orientation; {source} says "
            f"{stated_text}, its size before: remove the orientation, or annotate the upright image"
        )
    raise CorruptSampleError(str(file), reason)


@contextmanager
def decoding(file: Path) -> Iterator[None]:
    """Convert the errors raised while decoding a sample's file to errors of one line.

    Raises:
        CorruptSampleError: The file cannot be decoded.
        MissingDataError: The file cannot be read.
    """
    try:
        yield
    except (CorruptSampleError, MissingDataError):
        raise
    except UnidentifiedImageError as error:
        raise CorruptSampleError(str(file), "it is not an image of a known format") from error
    except _UNDECODABLE as error:
        # Errors of the operating system have an errno, those of Pillow do not.
        if isinstance(error, OSError) and error.errno is not None:
            raise MissingDataError(f"{file} cannot be read: {error.strerror}") from error
        raise CorruptSampleError(str(file), str(error) or type(error).__name__) from error


def _content(file: Path) -> bytes:
    with decoding(file):
        return file.read_bytes()


@contextmanager
def _opened(content: bytes) -> Iterator[tuple[PilImage, int]]:
    """Yield an image before its orientation is applied, and the orientation, 1 to 8."""
    if jpeg.is_jpeg(content):
        # Pillow reads tags when it opens a JPEG; an invalid tag would raise an error or a warning.
        content, exif, xmp = jpeg.without_metadata(content)
        with Image.open(io.BytesIO(content)) as image:
            yield image, orientation_in(exif, xmp)
        return
    with Image.open(io.BytesIO(tiff.without_metadata(content))) as image:
        # In a PNG, the EXIF may follow the pixels, so the image is loaded first.
        image.load()
        yield image, orientation(image)


def _header(stream: BinaryIO) -> PilImage:
    """Open an image without decoding its pixels."""
    begin = stream.read(tiff.MAGIC_BYTES)
    stream.seek(0)
    if tiff.is_tiff(begin):
        return Image.open(io.BytesIO(tiff.without_metadata(stream.read())))
    return Image.open(stream)


def _converted(image: PilImage, mode: str) -> PilImage:
    if image.mode == "P" and "transparency" in image.info:
        # Without this step, Pillow warns that transparency is lost.
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)
