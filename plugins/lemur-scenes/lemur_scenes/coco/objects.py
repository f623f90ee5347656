"""Parse and check single annotations before they are passed to pycocotools."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from pycocotools import mask as coco_masks

from lemur_scenes.coco.runs import RunLengths, counts_of, decompressed, runs_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Annotation = dict[str, Any]
# A polygon with fewer numbers has no area.
_LEAST_NUMBERS = 6
_LARGEST = float(np.finfo(np.float32).max)


class AnnotationError(ValueError):
    """An annotation is invalid."""


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Integers may have more digits than a float can hold.
    return abs(value) < _LARGEST and math.isfinite(value)


def is_whole(value: Any, least: int = -(2**62), most: int = 2**62) -> TypeGuard[int]:
    """Return whether a JSON value is an integer in a range."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def odd_type(value: Any) -> str:
    """Describe a JSON value that should be a non-negative integer, with its type.

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
    """Return left, top, right and bottom of an object's box, clipped to the image.

    Raises:
        AnnotationError: There is no box, it does not consist of finite numbers, its size is
            negative, or it is outside the image.
    """
    bbox = annotation.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(is_number, bbox)):
        raise AnnotationError(f"its bbox is {short(bbox)}; expected 4 finite numbers")
    left, top, box_width, box_height = bbox
    if box_width < 0 or box_height < 0:
        raise AnnotationError(f"its bbox is {short(bbox)}; expected no negative width or height")
    if left > width or top > height or left + box_width < 0 or top + box_height < 0:
        raise AnnotationError(f"its bbox is {short(bbox)}, outside the image of {width}x{height}")
    return (
        min(max(left, 0.0), width),
        min(max(top, 0.0), height),
        min(max(left + box_width, 0.0), width),
        min(max(top + box_height, 0.0), height),
    )


def area_of(annotation: Annotation) -> float:
    """Return an object's area in pixels; that of its box if the annotation has no area.

    Raises:
        AnnotationError: The area is negative or not finite.
    """
    if "area" not in annotation:
        return float(annotation["bbox"][2] * annotation["bbox"][3])
    area = annotation["area"]
    if not is_number(area) or area < 0:
        raise AnnotationError(f"its area is {short(area)}; expected a finite number from 0")
    return float(area)


def is_crowd(annotation: Annotation) -> bool:
    """Return whether an object is a crowd.

    Raises:
        AnnotationError: Its ``iscrowd`` is neither 0 nor 1.
    """
    crowd = annotation.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise AnnotationError(f"its iscrowd is {short(crowd)}; expected 0 or 1")
    return bool(crowd)


def mask_of(annotation: Annotation, height: int, width: int) -> RunLengths:
    """Return an object's mask from its polygons or run lengths.

    Raises:
        AnnotationError: There is no mask, or it does not fit the image.
    """
    segmentation = annotation.get("segmentation")
    if segmentation is None:
        raise AnnotationError("it has no segmentation")
    if isinstance(segmentation, list) and segmentation:
        polygons = [_polygon(polygon, height, width) for polygon in segmentation]
        merged = coco_masks.merge(coco_masks.frPyObjects(polygons, height, width))
        return runs_of(counts_of(merged["counts"]), height, width)
    if isinstance(segmentation, dict):
        return runs_of(_counts(segmentation, height, width), height, width)
    raise AnnotationError(f"its segmentation is {short(segmentation)}; expected polygons or RLE")


def _polygon(value: Any, height: int, width: int) -> list[float]:
    try:
        numbers = np.array(value if isinstance(value, list) else "none")
    except ValueError:
        raise AnnotationError(f"its polygon is {short(value)}; expected finite numbers") from None
    # numpy makes an array of objects from integers that do not fit into 64 bits.
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise AnnotationError(f"its polygon is {short(value)}; expected finite numbers")
    if len(numbers) < _LEAST_NUMBERS or len(numbers) % 2:
        raise AnnotationError(
            f"its polygon has {len(value)} numbers; expected x, y of 3 points or more"
        )
    points = numbers.astype(np.float64).reshape(-1, 2)
    least, most, size = points.min(0), points.max(0), np.array([width, height])
    # Parts outside the image are clipped; far outside, pycocotools' integers would overflow.
    if ((most < 0) | (least > size) | (least < -size) | (most > 2 * size)).any():
        raise AnnotationError(f"its polygon is outside the image of {width}x{height}")
    polygon: list[float] = points.ravel().tolist()
    return polygon


def _counts(rle: dict[str, Any], height: int, width: int) -> NDArray[np.int64]:
    if rle.get("size") != [height, width]:
        raise AnnotationError(
            f"its RLE has size {short(rle.get('size'))}; expected {[height, width]}"
        )
    value = rle.get("counts")
    try:
        if isinstance(value, str):
            counts = decompressed(value.encode())
        elif isinstance(value, list) and all(is_whole(count, 0, 2**31) for count in value):
            counts = np.array(value, np.int64)
        else:
            raise AnnotationError("its RLE has no counts; expected integers from 0, or a string")
    except UnicodeEncodeError:
        raise AnnotationError("its RLE has invalid characters") from None
    except ValueError as error:
        raise (
            error if isinstance(error, AnnotationError) else AnnotationError(f"its RLE {error}")
        ) from None
    if (counts < 0).any() or counts.sum() != height * width:
        raise AnnotationError(
            f"its RLE counts {counts.sum()} pixels; expected {height * width}, no count below 0"
        )
    return counts


def short(value: Any) -> str:
    """Return a JSON value as a line of at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
