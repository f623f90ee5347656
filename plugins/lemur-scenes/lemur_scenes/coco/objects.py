"""What one annotation says of an object, checked before pycocotools is asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools import mask as coco_masks

from lemur_scenes.coco.runs import Runs, counts_of, decompressed, runs_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Annotation = dict[str, Any]
# A polygon of fewer has no inside.
_LEAST_NUMBERS = 6
_LARGEST = float(np.finfo(np.float32).max)


class WrongError(ValueError):
    """What is wrong with an annotation."""


def is_number(value: Any) -> bool:
    """Return whether a value of a JSON is a number that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Integers may have more digits than a float can hold.
    return abs(value) < _LARGEST and math.isfinite(value)


def is_whole(value: Any, least: int = -(2**62), most: int = 2**62) -> bool:
    """Return whether a value of a JSON is an integer in a range."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def odd_type(value: Any) -> str:
    """Return what a value is that should be a whole number, with its type.

    >>> odd_type("7"), odd_type(7.0), odd_type(2**70)
    ("'7', a text", '7.0, a number with a decimal point', '1180591620717411303424, too large')
    """
    kinds = {str: "a text", bool: "a truth value", float: "a number with a decimal point"}
    kinds |= {int: "too large", list: "a list", dict: "an object"}
    if isinstance(value, int) and is_whole(value):
        return f"{value}, below 0"
    kind = kinds.get(type(value))
    return short(value) + (f", {kind}" if kind else "")


def box_of(annotation: Annotation, height: int, width: int) -> tuple[float, float, float, float]:
    """Return the corners of an object's box, clipped to the image: left, top, right, bottom.

    Raises:
        WrongError: There is no box, it is not of finite numbers, its size is negative, or it lies
            outside the image.
    """
    given = annotation.get("bbox")
    if not isinstance(given, list) or len(given) != 4 or not all(map(is_number, given)):
        raise WrongError(f"its bbox is {short(given)}; expected 4 finite numbers")
    left, top, across, down = given
    if across < 0 or down < 0:
        raise WrongError(f"its bbox is {short(given)}; expected no negative width or height")
    if left > width or top > height or left + across < 0 or top + down < 0:
        raise WrongError(f"its bbox is {short(given)}, outside the image of {width}x{height}")
    return (
        min(max(left, 0.0), width),
        min(max(top, 0.0), height),
        min(max(left + across, 0.0), width),
        min(max(top + down, 0.0), height),
    )


def area_of(annotation: Annotation) -> float:
    """Return an object's area in pixels, that of its box where none is given.

    Raises:
        WrongError: It is not finite, or negative.
    """
    if "area" not in annotation:
        return float(annotation["bbox"][2] * annotation["bbox"][3])
    area = annotation["area"]
    if not is_number(area) or area < 0:
        raise WrongError(f"its area is {short(area)}; expected a finite number from 0")
    return float(area)


def is_crowd(annotation: Annotation) -> bool:
    """Return whether an annotation is of a crowd.

    Raises:
        WrongError: It does not say.
    """
    crowd = annotation.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise WrongError(f"its iscrowd is {short(crowd)}; expected 0 or 1")
    return bool(crowd)


def mask_of(annotation: Annotation, height: int, width: int) -> Runs:
    """Return an object's mask, of polygons or run lengths.

    Raises:
        WrongError: There is none, or it does not fit the image.
    """
    given = annotation.get("segmentation")
    if given is None:
        raise WrongError("it has no segmentation")
    if isinstance(given, list) and given:
        polygons = [_polygon(one, height, width) for one in given]
        merged = coco_masks.merge(coco_masks.frPyObjects(polygons, height, width))
        return runs_of(counts_of(merged["counts"]), height, width)
    if isinstance(given, dict):
        return runs_of(_counts(given, height, width), height, width)
    raise WrongError(f"its segmentation is {short(given)}; expected polygons or RLE")


def _polygon(given: Any, height: int, width: int) -> list[float]:
    try:
        numbers = np.array(given if isinstance(given, list) else "none")
    except ValueError:
        raise WrongError(f"its polygon is {short(given)}; expected finite numbers") from None
    # Of integers without end numpy makes objects.
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise WrongError(f"its polygon is {short(given)}; expected finite numbers")
    if len(numbers) < _LEAST_NUMBERS or len(numbers) % 2:
        raise WrongError(f"its polygon has {len(given)} numbers; expected x, y of 3 points or more")
    points = numbers.astype(np.float64).reshape(-1, 2)
    least, most, size = points.min(0), points.max(0), np.array([width, height])
    # What is partly outside is clipped; far outside, pycocotools' integers would overflow.
    if ((most < 0) | (least > size) | (least < -size) | (most > 2 * size)).any():
        raise WrongError(f"its polygon is outside the image of {width}x{height}")
    polygon: list[float] = points.ravel().tolist()
    return polygon


def _counts(given: dict[str, Any], height: int, width: int) -> NDArray[np.int64]:
    if given.get("size") != [height, width]:
        raise WrongError(f"its RLE has size {short(given.get('size'))}; expected {[height, width]}")
    counts = given.get("counts")
    try:
        if isinstance(counts, str):
            found = decompressed(counts.encode())
        elif isinstance(counts, list) and all(is_whole(one, 0, 2**31) for one in counts):
            found = np.array(counts, np.int64)
        else:
            raise WrongError("its RLE has no counts; expected integers from 0, or their text")
    except UnicodeEncodeError:
        raise WrongError("its RLE has letters that stand for no counts") from None
    except ValueError as error:
        raise error if isinstance(error, WrongError) else WrongError(f"its RLE {error}") from None
    if (found < 0).any() or found.sum() != height * width:
        raise WrongError(
            f"its RLE counts {found.sum()} pixels; expected {height * width}, no count below 0"
        )
    return found


def short(value: Any) -> str:
    """Return a value of a JSON as one line that is not long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
