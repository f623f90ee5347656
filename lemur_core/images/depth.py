"""Convert grey images with more than 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_PHOTOMETRIC, _BITS_PER_SAMPLE, _WHITE_IS_ZERO = 262, 258, 0
_HIGHEST = 255


def to_eight_bits(image: Image) -> Image:
    """Convert an image to 8 bits, scaling by the range of its type and rounding.

    Raises:
        ValueError: The values of the image have no fixed range.
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    import numpy as np

    highest = (1 << _bits(image)) - 1
    from PIL.Image import fromarray

    values = np.asarray(image).astype(np.uint32)
    if _tags(image).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        values = highest - values
    # At most 65,535 * 255 + 32,767, which fits into 32 bits.
    return fromarray(((values * _HIGHEST + highest // 2) // highest).astype(np.uint8))


def _bits(image: Image) -> int:
    """Return the number of bits of an unsigned image, 9 to 16."""
    if image.format == "TIFF" and image.mode.startswith("I;16"):
        # Pillow does not scale 12-bit values, 0 to 4,095.
        bits = _tags(image).get(_BITS_PER_SAMPLE, (16,))
        return int(bits[0] if isinstance(bits, tuple) else bits)
    # Pillow scales a two-byte PGM to 16 bits and stores it in 32, before Pillow 11 also a PNG.
    if image.format in ("PNG", "PPM") and image.mode != "F":
        return 16
    if image.format == "JPEG2000" and image.mode.startswith("I;16"):
        return 16
    if image.format == "TIFF" and image.mode == "I" and _tags(image).get(_BITS_PER_SAMPLE) == (16,):
        raise ValueError("its values are signed, of 16 bits; expected unsigned ones of 8 or 16")
    value_type = "floating-point" if image.mode == "F" else f"of mode {image.mode!r}"
    raise ValueError(
        f"its values are {value_type}, of no known range; expected 8 or 16 bits, unsigned"
    )


def _tags(image: Image) -> Any:
    return getattr(image, "tag_v2", {})
