"""Masks as run lengths: COCO's RLE, of the columns that an object is in.

A mask is read column by column; counts are of pixels outside, then inside, and so on in turn.
Columns to the left and right of the object are not kept: it takes as long to make pixels of a mask
as there are pixels in it, and most objects are narrower than their image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pycocotools import mask as coco_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Characters of compressed counts hold five bits each, and whether another follows.
_FIRST, _LAST, _MORE, _BITS = 48, 111, 32, 5
_MOST_BITS = 35


class Runs(NamedTuple):
    """A mask in some columns of an image.

    Attributes:
        left: The first column.
        columns: How many; 0 of an empty mask.
        pixels: How many are inside.
        code: Of these columns, compressed as pycocotools does.
    """

    left: int
    columns: int
    pixels: int
    code: bytes


EMPTY = Runs(0, 0, 0, b"")


def runs_of(counts: NDArray[np.int64], height: int, width: int) -> Runs:
    """Return the mask of some counts, whose sum is ``height * width``."""
    pixels = int(counts[1::2].sum())
    if not pixels:
        return EMPTY
    # What is empty at the beginning and the end is cut off in whole columns.
    kept = np.append(counts, 0) if len(counts) % 2 == 0 else counts.copy()
    left, right = int(kept[0]) // height, int(kept[-1]) // height
    kept[0] -= left * height
    kept[-1] -= right * height
    columns = width - left - right
    given = {"size": [height, columns], "counts": kept.tolist()}
    return Runs(left, columns, pixels, coco_masks.frPyObjects(given, height, columns)["counts"])


def decompressed(code: bytes) -> NDArray[np.int64]:
    """Return the counts that some compressed text stands for.

    Raises:
        ValueError: It stands for none.
    """
    letters = np.frombuffer(code, np.uint8)
    if not len(letters) or letters.min() < _FIRST or letters.max() > _LAST:
        raise ValueError("has letters that stand for no counts")
    ends = np.flatnonzero(letters < _FIRST + _MORE)
    if not len(ends) or ends[-1] != len(letters) - 1:
        raise ValueError("breaks off")
    if _lengths(ends).max() * _BITS > _MOST_BITS:
        raise ValueError("has a count that is too large")
    return counts_of(code)


def counts_of(code: bytes) -> NDArray[np.int64]:
    """Return the counts of what pycocotools compressed, or `decompressed` looked at."""
    letters = np.frombuffer(code, np.uint8)
    # Each ends a number or not.
    ends = np.flatnonzero(letters < _FIRST + _MORE)
    values = (letters - np.uint8(_FIRST)).astype(np.int64)
    lengths = _lengths(ends)
    starts = ends - lengths + 1
    shifts = _BITS * (np.arange(len(values)) - starts.repeat(lengths))
    numbers = np.add.reduceat((values & (_MORE - 1)) << shifts, starts)
    # The highest bit is a sign.
    numbers -= (values[ends] >> (_BITS - 1) & 1) << (_BITS * lengths)
    # From the fourth on, each is the difference to the one before the last.
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers


def _lengths(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    lengths = ends + 1
    lengths[1:] -= lengths[:-1].copy()
    return lengths


def pixels_of(code: bytes, height: int, columns: int) -> NDArray[np.bool_]:
    """Return which pixels are in a mask, shape ``(height, columns)``, laid out column by column.

    numpy repeats faster than pycocotools decodes.
    """
    counts = counts_of(code)
    turns = np.zeros(len(counts), np.bool_)
    turns[1::2] = True
    return turns.repeat(counts).reshape(columns, height).T
