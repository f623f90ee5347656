"""Read the frame and the metadata of a JPEG without decoding it."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = b"\xff\xd8\xff"
_SCAN, _END = 0xDA, 0xD9
# Markers of frames, one for each coding; 0xC4, 0xC8 and 0xCC have other meanings.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Application segments, except those needed for decoding: the first, JFIF, and the fifteenth, Adobe.
_METADATA = frozenset(range(0xE0, 0xF0)) - {0xE0, 0xEE}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
# Length of the shortest identifier of an application segment.
_IDENTIFIER = 4


class JpegFrame(NamedTuple):
    """The size of a JPEG in pixels, before its orientation is applied, and its channels."""

    height: int
    width: int
    channels: int


def is_jpeg(content: bytes) -> bool:
    """Return whether a file's content starts with the signature of a JPEG."""
    return content.startswith(_START)


def frame(stream: BinaryIO) -> JpegFrame | None:
    """Return the frame of a JPEG; if it is not a JPEG, rewind the stream and return None.

    Raises:
        SyntaxError: The JPEG has no frame.
    """
    if stream.read(len(_START)) != _START:
        stream.seek(0)
        return None
    for marker, begin, _ in _segments(stream):
        if marker in _FRAMES:
            stream.seek(begin)
            _, height, width, channels = struct.unpack(">BHHB", stream.read(6))
            return JpegFrame(height, width, channels)
    raise SyntaxError("it has no frame")


def without_metadata(content: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Remove the metadata from a JPEG that does not affect its pixels.

    Returns:
        The JPEG, the content of its EXIF segments, and its XMP, without their identifiers.
    """
    bare, exif, xmp = bytearray(content), [], b""
    for marker, begin, end in _segments(io.BytesIO(content)):
        if marker in _METADATA:
            segment = content[begin:end]
            if segment.startswith(_EXIF):
                exif.append(segment[len(_EXIF) :])
            elif segment.startswith(_XMP):
                xmp = xmp or segment[len(_XMP) :]
            length = min(_IDENTIFIER, len(segment))
            bare[begin : begin + length] = bytes(length)
    return bytes(bare), exif, xmp


def _segments(stream: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the marker of each segment before the pixels, and the start and end of its content."""
    position = 2
    while True:
        stream.seek(position)
        head = stream.read(2)
        if len(head) < 2 or head[0] != 0xFF or head[1] in (_SCAN, _END):
            return
        if head[1] == 0xFF or head[1] in _STANDALONE:
            position += 1 if head[1] == 0xFF else 2
            continue
        length = int.from_bytes(stream.read(2), "big")
        yield head[1], position + 4, position + 2 + length
        position += 2 + max(2, length)
