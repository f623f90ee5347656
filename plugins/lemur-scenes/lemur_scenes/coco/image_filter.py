"""Select images: all, or those with enough pixels of objects of the selected categories."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from lemur_scenes.coco.annotations import ANY, BOX, MASK, Annotations, cache_folders, key_of
from lemur_scenes.coco.cache import cached_arrays
from lemur_scenes.coco.masks import class_mask

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SEGMENTATION = "img-segmentation"


@dataclass(frozen=True)
class Filter:
    """The conditions for images and objects.

    Attributes:
        task: ``img-segmentation`` or ``obj-detection``.
        classes: The class of each category, 0 if it is not selected; int64, shape
            ``(categories,)``.
        min_pixels: The least number of pixels of selected objects in an image.
        masks: Whether targets for detection contain masks.
        objects_only: Whether to leave out images without selected objects, or with too few of their
            pixels.
    """

    task: str
    classes: NDArray[np.int64]
    min_pixels: int = 0
    masks: bool = False
    objects_only: bool = True

    @property
    def parts(self) -> list[int]:
        """The parts of an annotation that must be valid."""
        if self.task == SEGMENTATION:
            return [ANY, MASK]
        return [ANY, BOX, MASK] if self.masks else [ANY, BOX]

    def chosen(self, annotations: Annotations) -> NDArray[np.bool_]:
        """Return which objects and crowds are selected.

        For detection, their boxes must have an area, because a detector cannot learn from boxes
        without area, of which COCO has some.
        """
        in_categories = self._in_categories(annotations)
        if self.task == SEGMENTATION:
            return in_categories
        sizes = annotations.boxes[:, 2:] - annotations.boxes[:, :2]
        return in_categories & (sizes > 0).all(1)

    def objects(self, annotations: Annotations) -> NDArray[np.bool_]:
        """Return which objects are trained on and scored: those selected that are not crowds."""
        return self.chosen(annotations) & ~annotations.crowds

    def flat(self, annotations: Annotations) -> NDArray[np.bool_]:
        """Return which objects and crowds of selected categories have a box without area.

        Images with errors are left out, because a box that cannot be read has no area either.
        """
        wrong = annotations.wrong[self.wrong(annotations), 0]
        left_out = self._in_categories(annotations) & ~self.chosen(annotations)
        return left_out & ~np.isin(annotations.images, wrong)

    def _in_categories(self, annotations: Annotations) -> NDArray[np.bool_]:
        return (annotations.categories >= 0) & (self.classes[annotations.categories] > 0)

    def wrong(self, annotations: Annotations) -> NDArray[np.int64]:
        """Return the indices of errors that matter: of selected or unknown categories."""
        categories, parts = annotations.wrong[:, 1], annotations.wrong[:, 2]
        matters = np.isin(parts, self.parts) & (
            (categories < 0) | (self.classes[categories.clip(0)] > 0)
        )
        return np.flatnonzero(matters)


def select_images(annotations: Annotations, file: Path, conditions: Filter) -> NDArray[np.int64]:
    """Return the indices of the selected images, in ascending order, from a cache if possible.

    Images with errors that matter are included; reading them raises the error.

    Args:
        annotations: The annotations.
        file: Their JSON file.
        conditions: The conditions for images.
    """
    if not conditions.objects_only:
        return np.arange(len(annotations.image_ids))
    options = (
        conditions.task,
        conditions.min_pixels,
        conditions.masks,
        conditions.classes.tolist(),
    )
    name = f"{file.stem}-{sha256(repr(options).encode()).hexdigest()[:16]}.npz"
    return cached_arrays(
        cache_folders(file),
        name,
        key_of(file, *options),
        ["images"],
        lambda: {"images": _select_images(annotations, conditions)},
    )["images"]


def _select_images(annotations: Annotations, conditions: Filter) -> NDArray[np.int64]:
    objects = np.flatnonzero(conditions.objects(annotations))
    images = annotations.images[objects]
    selected = np.bincount(images, minlength=len(annotations.image_ids)) > 0
    selected &= _enough(annotations, objects, images, conditions)
    selected[annotations.wrong[conditions.wrong(annotations), 0]] = True
    return np.flatnonzero(selected)


def _enough(
    annotations: Annotations,
    objects: NDArray[np.int64],
    images: NDArray[np.int64],
    conditions: Filter,
) -> NDArray[np.bool_]:
    """Return which images have enough pixels of objects.

    Args:
        annotations: The annotations.
        objects: The indices of the selected objects.
        images: The index of the image of each of these objects.
        conditions: The conditions for images.
    """
    count, pixels = len(annotations.image_ids), annotations.pixels[objects]
    total = np.bincount(images, weights=pixels, minlength=count)
    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, images, pixels)
    enough = largest >= conditions.min_pixels
    # Masks only have to be decoded if the result depends on whether objects overlap.
    for image in np.flatnonzero(~enough & (total >= conditions.min_pixels)).tolist():
        in_image = objects[images == image]
        covered = class_mask(annotations, image, in_image, np.ones_like(in_image)) > 0
        enough[image] = int(covered.sum()) >= conditions.min_pixels
    return enough
