"""Samples of a data set in COCO's format, for segmentation and detection."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from lemur_core.errors import CorruptSampleError
from lemur_core.images import check_size, read_image
from lemur_scenes.coco.accepted import SEGMENTATION, Filter, accepted
from lemur_scenes.coco.categories import classes_of
from lemur_scenes.coco.masks import class_mask, object_masks
from lemur_scenes.coco.nothing import nothing_of
from lemur_scenes.coco.reading import read_annotations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lemur_scenes.coco.annotations import Annotations

_ENDINGS = (".jpg", ".jpeg", ".png")


class Scenes:
    """Images and what is in them; masks are made when a sample is read.

    For ``img-segmentation`` a target is the class of each pixel. For ``obj-detection`` it is a
    dictionary as torchvision's detectors take it, in which crowds have an ``iscrowd`` of 1.

    Attributes:
        class_names: Of class 0 and on; the first is the background.
        images: Index of each sample's image in the annotations, int64, shape ``(samples,)``.
    """

    def __init__(self, folder: Path, file: Path, annotations: Annotations, wanted: Filter) -> None:
        self.folder, self.file, self.annotations, self.wanted = folder, file, annotations, wanted
        self.images = accepted(annotations, file, wanted)
        self.class_names = ("background", *annotations.category_names[wanted.classes > 0].tolist())
        self._chosen = wanted.chosen(annotations)
        wrong = wanted.wrong(annotations)
        # The first that is wrong of an image is told.
        self._wrong_images, places = np.unique(annotations.wrong[wrong, 0], return_index=True)
        self._wrong = wrong[places]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Any]:
        image = int(self.images[index])
        self._check(image)
        first, last = self.annotations.first[image : image + 2]
        objects = first + np.flatnonzero(self._chosen[first:last])
        pixels = self._pixels(image)
        classes = self.wanted.classes[self.annotations.categories[objects]]
        if self.wanted.task == SEGMENTATION:
            mask = class_mask(self.annotations, image, objects, classes)
            return pixels, tv_tensors.Mask(mask)
        return pixels, self._objects(image, objects, classes)

    def left_out(self) -> Scenes:
        """Return the images of the same files that are not among these."""
        rest = copy.copy(self)
        rest.images = np.setdiff1d(np.arange(len(self.annotations.image_ids)), self.images)
        return rest

    def files(self) -> list[Path]:
        """Return the JSON, and all images that it names and that are there, chosen or not."""
        names = map(self.annotations.name, range(len(self.annotations.image_names)))
        images = dict.fromkeys(self.folder / name for name in names if name)
        return [self.file, *(image for image in images if image.is_file())]

    def _objects(
        self, image: int, objects: NDArray[np.int64], classes: NDArray[np.int64]
    ) -> dict[str, Any]:
        annotations = self.annotations
        size = tuple(annotations.image_sizes[image].tolist())
        boxes = torch.from_numpy(annotations.boxes[objects])
        target = {
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size),
            "labels": torch.from_numpy(classes),
            "area": torch.from_numpy(annotations.areas[objects]),
            "iscrowd": torch.from_numpy(annotations.crowds[objects].astype(np.int64)),
            "image_id": int(annotations.image_ids[image]),
        }
        if self.wanted.masks:
            target["masks"] = tv_tensors.Mask(object_masks(annotations, image, objects))
        return target

    def _check(self, image: int) -> None:
        place = int(np.searchsorted(self._wrong_images, image))
        if place < len(self._wrong_images) and self._wrong_images[place] == image:
            where, why = (
                str(texts[self._wrong[place]])
                for texts in (self.annotations.wrong_where, self.annotations.wrong_why)
            )
            name = self.annotations.name(image)
            of_image = f" (of {name})" if name else ""
            raise CorruptSampleError(f"{self.file}, {where}{of_image}", why)

    def _pixels(self, image: int) -> Tensor:
        file = self.folder / self.annotations.name(image)
        if not file.is_file():
            raise CorruptSampleError(
                str(file), f"it is not there, and {self.file.name} names it{_alike(file)}"
            )
        pixels = read_image(file)
        height, width = self.annotations.image_sizes[image].tolist()
        check_size(file, pixels, (height, width), self.file.name)
        return pixels


def _alike(file: Path) -> str:
    """Return what to say of a file that differs in case or in its ending only."""
    endings = {way(end) for end in (file.suffix, *_ENDINGS) for way in (str.lower, str.upper)}
    stems = dict.fromkeys((file.stem, file.stem.lower(), file.stem.upper()))
    for name in (f"{stem}{ending}" for stem in stems for ending in sorted(endings)):
        if file.with_name(name).is_file():
            return f"; {name} is there"
    return ""


def coco_scenes(
    dataset: str,
    task: str,
    images: Path,
    annotations: Path,
    *,
    categories: Sequence[str | int] | None = None,
    min_pixels: int = 0,
    masks: bool = False,
    objects_only: bool = True,
) -> Scenes:
    """Return the samples of a folder of images and a JSON in COCO's format.

    What is made of the JSON is kept, beside it or in the user's cache, so that the next start reads
    arrays only. An image that is not there or cannot be decoded, and an annotation that is wrong,
    raise `CorruptSampleError` when their sample is read.

    Args:
        dataset: Name of the data set, for errors.
        task: ``img-segmentation`` or ``obj-detection``.
        images: Folder of the images.
        annotations: The JSON.
        categories: Names or ids of the categories that are classes, as texts; integers are ids
            only, and None takes all.
        min_pixels: Images with fewer pixels of objects are left out with those without an object.
        masks: Give a detector the mask of each object, which takes time.
        objects_only: Leave out images without an object of one of the categories. Objects whose box
            has no area are no objects in detection; a warning says how many there are.

    Raises:
        MissingDataError: The JSON cannot be read, or is not of the format.
        PatternError: There is no such category, or no image has an object of one.
    """
    found = read_annotations(dataset, annotations)
    classes = classes_of(found, categories, dataset, annotations)
    wanted = Filter(task, classes, min_pixels, masks, objects_only)
    scenes = Scenes(images, annotations, found, wanted)
    # What is wrong is said of its sample.
    if not len(scenes) or not (wanted.objects(found).any() or len(wanted.wrong(found))):
        raise nothing_of(dataset, annotations, found, wanted)
    if flat := int(wanted.flat(found).sum()):
        objects = "1 object" if flat == 1 else f"{flat} objects"
        warnings.warn(
            f"data set {dataset!r}: {objects} of {annotations} left out, as their boxes have no "
            "width or no height",
            stacklevel=2,
        )
    return scenes
