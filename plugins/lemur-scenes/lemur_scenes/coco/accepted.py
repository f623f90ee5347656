"""Which images are taken: all, or those with an object of a chosen category, and enough of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from lemur_scenes.coco.annotations import ANY, BOX, MASK, Annotations, key_of, places
from lemur_scenes.coco.kept import kept
from lemur_scenes.coco.masks import class_mask

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SEGMENTATION = "img-segmentation"


@dataclass(frozen=True)
class Filter:
    """What is asked of an image.

    Attributes:
        task: ``img-segmentation`` or ``obj-detection``.
        classes: Of each category, 0 where it is not chosen; int64, shape ``(categories,)``.
        min_pixels: Of objects of chosen categories, so many pixels or more.
        masks: Whether a detector is given masks too.
        objects_only: Whether images without an object, or with too few pixels, are left out.
    """

    task: str
    classes: NDArray[np.int64]
    min_pixels: int = 0
    masks: bool = False
    objects_only: bool = True

    @property
    def parts(self) -> list[int]:
        """What must be right of an annotation."""
        if self.task == SEGMENTATION:
            return [ANY, MASK]
        return [ANY, BOX, MASK] if self.masks else [ANY, BOX]

    def chosen(self, annotations: Annotations) -> NDArray[np.bool_]:
        """Return which objects and crowds are of a chosen category, and have an extent.

        Of a box without an area no detector could learn; COCO has some.
        """
        of_chosen = self._of_chosen(annotations)
        if self.task == SEGMENTATION:
            return of_chosen
        sizes = annotations.boxes[:, 2:] - annotations.boxes[:, :2]
        return of_chosen & (sizes > 0).all(1)

    def objects(self, annotations: Annotations) -> NDArray[np.bool_]:
        """Return which objects nets can learn and scores count: those chosen that are no crowds."""
        return self.chosen(annotations) & ~annotations.crowds

    def flat(self, annotations: Annotations) -> NDArray[np.bool_]:
        """Return which objects and crowds of a chosen category have a box without area.

        In images with something wrong none is, as a box that cannot be read has none either.
        """
        wrong = annotations.wrong[self.wrong(annotations), 0]
        left_out = self._of_chosen(annotations) & ~self.chosen(annotations)
        return left_out & ~np.isin(annotations.images, wrong)

    def _of_chosen(self, annotations: Annotations) -> NDArray[np.bool_]:
        return (annotations.categories >= 0) & (self.classes[annotations.categories] > 0)

    def wrong(self, annotations: Annotations) -> NDArray[np.int64]:
        """Return which of what is wrong matters: of a chosen category, or of none that is known."""
        categories, parts = annotations.wrong[:, 1], annotations.wrong[:, 2]
        matters = np.isin(parts, self.parts) & (
            (categories < 0) | (self.classes[categories.clip(0)] > 0)
        )
        return np.flatnonzero(matters)


def accepted(annotations: Annotations, file: Path, wanted: Filter) -> NDArray[np.int64]:
    """Return the indices of the images to take, in their order; kept for the next time.

    An image of which something is wrong that matters is among them, for its reader to be told.

    Args:
        annotations: What a JSON says.
        file: The JSON.
        wanted: What is asked of an image.
    """
    if not wanted.objects_only:
        return np.arange(len(annotations.image_ids))
    asked = (wanted.task, wanted.min_pixels, wanted.masks, wanted.classes.tolist())
    name = f"{file.stem}-{sha256(repr(asked).encode()).hexdigest()[:16]}.npz"
    return kept(
        places(file),
        name,
        key_of(file, *asked),
        ["images"],
        lambda: {"images": _accepted(annotations, wanted)},
    )["images"]


def _accepted(annotations: Annotations, wanted: Filter) -> NDArray[np.int64]:
    objects = np.flatnonzero(wanted.objects(annotations))
    of_image = annotations.images[objects]
    taken = np.bincount(of_image, minlength=len(annotations.image_ids)) > 0
    taken &= _enough(annotations, objects, of_image, wanted)
    taken[annotations.wrong[wanted.wrong(annotations), 0]] = True
    return np.flatnonzero(taken)


def _enough(
    annotations: Annotations,
    objects: NDArray[np.int64],
    of_image: NDArray[np.int64],
    wanted: Filter,
) -> NDArray[np.bool_]:
    """Return which images have enough pixels of objects."""
    images, pixels = len(annotations.image_ids), annotations.pixels[objects]
    together = np.bincount(of_image, weights=pixels, minlength=images)
    largest = np.zeros(images, np.int64)
    np.maximum.at(largest, of_image, pixels)
    enough = largest >= wanted.min_pixels
    # Only where objects may lie on each other do the pixels of masks have to be made.
    for image in np.flatnonzero(~enough & (together >= wanted.min_pixels)).tolist():
        numbers = objects[of_image == image]
        covered = class_mask(annotations, image, numbers, np.ones_like(numbers)) > 0
        enough[image] = int(covered.sum()) >= wanted.min_pixels
    return enough
