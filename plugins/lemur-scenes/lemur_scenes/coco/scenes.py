"""The samples of a dataset in COCO's format, for segmentation and detection."""

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
from lemur_scenes.coco.categories import classes_of
from lemur_scenes.coco.image_filter import SEGMENTATION, Filter, select_images
from lemur_scenes.coco.masks import class_mask, object_masks
from lemur_scenes.coco.no_objects import no_objects_error
from lemur_scenes.coco.reading import read_annotations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lemur_scenes.coco.annotations import Annotations

_ENDINGS = (".jpg", ".jpeg", ".png")


class Scenes:
    """Images and the objects in them; masks are decoded when a sample is read.

    For ``img-segmentation``, a target is the class of each pixel. For ``obj-detection``, it is a
    dictionary as for torchvision's detectors, in which crowds have an ``iscrowd`` of 1.

    Attributes:
        class_names: The names of the classes from 0; the first is the background.
        images: The index of each sample's image in the annotations, int64, shape ``(samples,)``.
    """

    def __init__(
        self, folder: Path, file: Path, annotations: Annotations, conditions: Filter
    ) -> None:
        self.folder, self.file = folder, file
        self.annotations, self.conditions = annotations, conditions
        self.images = select_images(annotations, file, conditions)
        names = annotations.category_names[conditions.classes > 0].tolist()
        self.class_names = ("background", *names)
        self._chosen = conditions.chosen(annotations)
        wrong = conditions.wrong(annotations)
        # Only the first error of an image is reported.
        self._wrong_images, first = np.unique(annotations.wrong[wrong, 0], return_index=True)
        self._wrong = wrong[first]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Any]:
        image = int(self.images[index])
        self._check(image)
        first, last = self.annotations.first[image : image + 2]
        objects = first + np.flatnonzero(self._chosen[first:last])
        pixels = self._pixels(image)
        classes = self.conditions.classes[self.annotations.categories[objects]]
        if self.conditions.task == SEGMENTATION:
            mask = class_mask(self.annotations, image, objects, classes)
            return pixels, tv_tensors.Mask(mask)
        return pixels, self._objects(image, objects, classes)

    def left_out(self) -> Scenes:
        """Return the images of the same files that are not selected."""
        others = copy.copy(self)
        others.images = np.setdiff1d(np.arange(len(self.annotations.image_ids)), self.images)
        return others

    def files(self) -> list[Path]:
        """Return the JSON file and all existing image files that it names, selected or not."""
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
        if self.conditions.masks:
            target["masks"] = tv_tensors.Mask(object_masks(annotations, image, objects))
        return target

    def _check(self, image: int) -> None:
        index = int(np.searchsorted(self._wrong_images, image))
        if index < len(self._wrong_images) and self._wrong_images[index] == image:
            where, message = (
                str(texts[self._wrong[index]])
                for texts in (self.annotations.wrong_where, self.annotations.wrong_why)
            )
            name = self.annotations.name(image)
            of_image = f" (of {name})" if name else ""
            raise CorruptSampleError(f"{self.file}, {where}{of_image}", message)

    def _pixels(self, image: int) -> Tensor:
        file = self.folder / self.annotations.name(image)
        if not file.is_file():
            raise CorruptSampleError(
                str(file), f"it does not exist, but {self.file.name} names it{_similar(file)}"
            )
        pixels = read_image(file)
        height, width = self.annotations.image_sizes[image].tolist()
        check_size(file, pixels, (height, width), self.file.name)
        return pixels


def _similar(file: Path) -> str:
    """Return a hint at an existing file whose name only differs in case or in the extension."""
    endings = {case(end) for end in (file.suffix, *_ENDINGS) for case in (str.lower, str.upper)}
    stems = dict.fromkeys((file.stem, file.stem.lower(), file.stem.upper()))
    for name in (f"{stem}{ending}" for stem in stems for ending in sorted(endings)):
        if file.with_name(name).is_file():
            return f"; {name} exists"
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
    """Return the samples of a folder of images and a JSON file in COCO's format.

    The parsed annotations are cached, beside the JSON file or in the user's cache. Reading a sample
    raises `CorruptSampleError` if its image is missing or cannot be decoded, or if an annotation is
    invalid.

    Args:
        dataset: The name of the dataset, for errors.
        task: ``img-segmentation`` or ``obj-detection``.
        images: The folder of the images.
        annotations: The JSON file.
        categories: The categories that are classes: names or ids as strings, or ids as integers.
            None selects all.
        min_pixels: Images with fewer pixels of objects are left out if images without objects are.
        masks: Whether targets for detection contain the mask of each object, which takes time.
        objects_only: Whether to leave out images without an object of the categories. For
            detection, objects with a box without area are left out; a warning gives their number.

    Raises:
        MissingDataError: The JSON file cannot be read, or has another format.
        PatternError: There is no such category, or no image has an object of the categories.
    """
    parsed = read_annotations(dataset, annotations)
    classes = classes_of(parsed, categories, dataset, annotations)
    conditions = Filter(task, classes, min_pixels, masks, objects_only)
    scenes = Scenes(images, annotations, parsed, conditions)
    # If there are errors, reading their samples raises them, which is more helpful.
    if not len(scenes) or not (conditions.objects(parsed).any() or len(conditions.wrong(parsed))):
        raise no_objects_error(dataset, annotations, parsed, conditions)
    if flat := int(conditions.flat(parsed).sum()):
        objects = "1 object" if flat == 1 else f"{flat} objects"
        warnings.warn(
            f"dataset {dataset!r}: left out {objects} of {annotations} whose boxes have no width "
            "or no height",
            stacklevel=2,
        )
    return scenes
