"""Masks as run lengths: COCO's RLE, cropped to the columns of an object.

A mask is stored column by column, as alternating numbers of pixels outside and inside. Columns to
the left and right of the object are left out, because the time to decode a mask is proportional to
its number of pixels, and most objects are narrower than their images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pycocotools import mask as coco_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Each character of compressed counts contains five bits, and a flag whether another one follows.
_FIRST, _LAST, _MORE, _BITS = 48, 111, 32, 5
_MOST_BITS = 35


class RunLengths(NamedTuple):
    """A mask, cropped to its columns.

    Attributes:
        left: The index of the first column.
        columns: The number of columns; 0 for an empty mask.
        pixels: The number of pixels inside.
        code: The run lengths of these columns, in pycocotools' compressed form.
    """

    left: int
    columns: int
    pixels: int
    code: bytes


EMPTY = RunLengths(0, 0, 0, b"")


def runs_of(counts: NDArray[np.int64], height: int, width: int) -> RunLengths:
    """Return the mask with these counts, whose sum is ``height * width``."""
    pixels = int(counts[1::2].sum())
    if not pixels:
        return EMPTY
    # Crop the empty columns on the left and on the right.
    cropped = np.append(counts, 0) if len(counts) % 2 == 0 else counts.copy()
    left, right = int(cropped[0]) // height, int(cropped[-1]) // height
    cropped[0] -= left * height
    cropped[-1] -= right * height
    columns = width - left - right
    rle = {"size": [height, columns], "counts": cropped.tolist()}
    return RunLengths(left, columns, pixels, coco_masks.frPyObjects(rle, height, columns)["counts"])


def decompressed(code: bytes) -> NDArray[np.int64]:
    """Check and decompress counts.

    Raises:
        ValueError: The compressed form is invalid.
    """
    letters = np.frombuffer(code, np.uint8)
    if not len(letters) or letters.min() < _FIRST or letters.max() > _LAST:
        raise ValueError("has invalid characters")
    ends = np.flatnonzero(letters < _FIRST + _MORE)
    if not len(ends) or ends[-1] != len(letters) - 1:
        raise ValueError("is truncated")
    if _lengths(ends).max() * _BITS > _MOST_BITS:
        raise ValueError("has a count that is too large")
    return counts_of(code)


def counts_of(code: bytes) -> NDArray[np.int64]:
    """Decompress counts that pycocotools compressed or `decompressed` checked."""
    letters = np.frombuffer(code, np.uint8)
    # The characters that end a number.
    ends = np.flatnonzero(letters < _FIRST + _MORE)
    values = (letters - np.uint8(_FIRST)).astype(np.int64)
    lengths = _lengths(ends)
    starts = ends - lengths + 1
    shifts = _BITS * (np.arange(len(values)) - starts.repeat(lengths))
    numbers = np.add.reduceat((values & (_MORE - 1)) << shifts, starts)
    # The highest bit is the sign.
    numbers -= (values[ends] >> (_BITS - 1) & 1) << (_BITS * lengths)
    # From the fourth number on, each is the difference from the second number before it.
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers


def _lengths(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    lengths = ends + 1
    lengths[1:] -= lengths[:-1].copy()
    return lengths


def pixels_of(code: bytes, height: int, columns: int) -> NDArray[np.bool_]:
    """Return which pixels are in a mask, shape ``(height, columns)``, in column-major order.

    numpy's repeat is faster than pycocotools' decode.
    """
    counts = counts_of(code)
    inside = np.zeros(len(counts), np.bool_)
    inside[1::2] = True
    return inside.repeat(counts).reshape(columns, height).T
