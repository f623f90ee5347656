"""Read the EXIF orientation of an image without reading other tags.

A value that is not a number from 1 to 8, or cannot be read, counts as 1, upright.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

UPRIGHT = 1
TAG = 0x0112
# The numeric types of TIFF by number, as formats of struct; a rational is two numbers.
_NUMBERS = {3: "H", 4: "L", 5: "LL", 8: "h", 9: "l", 10: "ll", 11: "f", 12: "d"}
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(image: Image) -> int:
    """Return the orientation of an image that Pillow has loaded, 1 to 8.

    For a TIFF this is 1, as Pillow applies the orientation when it loads the image.
    """
    if image.format == "TIFF":
        return UPRIGHT
    exif = image.info.get("exif", b"")
    if not exif:
        exif = _from_text(image.info.get("Raw profile type exif", ""))
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    return orientation_in([exif], xmp)


def orientation_in(exif: Sequence[Any], xmp: Any) -> int:
    """Return the orientation in metadata, 1 to 8; EXIF takes precedence over XMP.

    Args:
        exif: Blocks of EXIF as bytes; long EXIF is split into several blocks.
        xmp: XMP as text or bytes.
    """
    blocks = [_bare(block) for block in exif if isinstance(block, bytes)]
    for block in (b"".join(blocks), *blocks):
        value = _in_exif(block)
        if value is not None:
            return _valid(value)
    match = _IN_XMP.search(xmp.encode("utf-8", "replace") if isinstance(xmp, str) else xmp)
    return _valid(int(match[1])) if match else UPRIGHT


def upright(image: Image, turn: int) -> Image:
    """Rotate and mirror an image according to its orientation, 1 to 8."""
    if turn == UPRIGHT:
        return image
    from PIL.Image import Transpose

    methods = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(methods[turn])


def _bare(block: bytes) -> bytes:
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    return block


def _in_exif(block: bytes) -> Any:
    """Return the value of the orientation in a block of EXIF; None if there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return None
    value = None
    try:
        (directory,) = struct.unpack_from(f"{order}L", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(f"{order}HHL", block, entry)
            if tag == TAG:
                value = _number(block, order, kind, values, entry + 8)
    # The entries of a truncated directory are valid up to the end.
    except struct.error:
        pass
    return value


def _number(block: bytes, order: str, kind: int, values: int, position: int) -> Any:
    """Return the first number of an entry; 0, an invalid orientation, if it is not a number."""
    if kind not in _NUMBERS or not values:
        return 0
    number_format = order + _NUMBERS[kind]
    if struct.calcsize(number_format) * values > 4:
        (position,) = struct.unpack_from(f"{order}L", block, position)
    number, *divisor = struct.unpack_from(number_format, block, position)
    if divisor:
        return number / divisor[0] if divisor[0] else 0
    return number


def _valid(value: Any) -> int:
    return int(value) if value in range(1, 9) else UPRIGHT


def _from_text(profile: Any) -> bytes:
    """Return the EXIF in a PNG text chunk of ImageMagick: three lines, then hexadecimal digits."""
    try:
        return bytes.fromhex("".join(str(profile).split("\n")[3:]))
    except ValueError:
        return b""
