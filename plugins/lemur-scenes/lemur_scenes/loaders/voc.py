"""Pascal VOC 2012: photographs with boxes, some also with masks, of 20 classes of objects.

Everingham, Van Gool, Williams, Winn, Zisserman: The Pascal Visual Object Classes Challenge, IJCV
2010. The labels of VOC's test images are not published; its validation split is used as the test
split.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torchvision import tv_tensors

from lemur_core.errors import CorruptSampleError
from lemur_core.fetch import Progress, fetch_archive
from lemur_core.images import check_size, decoding, read_image, stored_size
from lemur_core.kinds.loader import IGNORED, DataBundle
from lemur_scenes.loaders.published import (
    IMAGENET,
    check_list,
    class_table,
    read_classes,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "voc-2012"
PLACE = "VOCdevkit/VOC2012"
CATEGORIES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
CLASSES = 1 + len(CATEGORIES)
# The value of outlines, and of objects that are too difficult to recognise.
VOID = 255
SETS = {
    "img-segmentation": ("Segmentation", "SegmentationClass"),
    "obj-detection": ("Main", "Annotations"),
}


class Voc2012:
    """The loader of Pascal VOC 2012."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return the dataset, with VOC's validation split as the test split.

        The splits have 1,464 and 1,449 photographs with masks, or 5,717 and 5,823 with boxes.

        Raises:
            MissingDataError: The files are missing from ``VOCdevkit/VOC2012``, or damaged.
        """
        lists, targets = SETS[task]
        files = [f"ImageSets/{lists}/{split}.txt" for split in ("train", "val")]
        require(NAME, folder / PLACE, ["JPEGImages", targets, *files])
        samples: Callable[[Path, str], Any] = Masks if task == "img-segmentation" else Objects
        train, test = (samples(folder, split) for split in ("train", "val"))
        chance = 1 / CLASSES if task == "img-segmentation" else 0.0
        names = ("background", *CATEGORIES)
        all_files = (*train.files(), *test.files())
        return DataBundle(
            train,
            test,
            (CLASSES,),
            chance,
            IMAGENET,
            class_names=names,
            files=all_files,
        )

    def download(self, folder: Path, progress: Progress) -> None:
        """Download the archive of 1.9 GiB and unpack it."""
        from torchvision.datasets.voc import DATASET_YEAR_DICT

        archive = DATASET_YEAR_DICT["2012"]
        fetch_archive(archive["url"], folder, md5=archive["md5"], progress=progress)


class Masks:
    """The photographs of a split that have masks, with the class of each pixel."""

    def __init__(self, folder: Path, split: str) -> None:
        from torchvision.datasets import VOCSegmentation

        self.list = folder / PLACE / "ImageSets" / "Segmentation" / f"{split}.txt"
        check_list(NAME, self.list)
        self.source = VOCSegmentation(folder, "2012", split)
        self.table = class_table({index: index for index in range(CLASSES)} | {VOID: IGNORED})

    def __len__(self) -> int:
        return len(self.source)

    def files(self) -> list[Path]:
        """Return the list of the split, its photographs and their masks."""
        return [self.list, *map(Path, [*self.source.images, *self.source.masks])]

    def __getitem__(self, index: int, /) -> tuple[Tensor, Any]:
        photograph = Path(self.source.images[index])
        image = read_image(photograph)
        mask = Path(self.source.masks[index])
        return image, read_classes(mask, self.table, photograph, image)


class Objects:
    """The photographs of a split, with the boxes of objects.

    Objects that are annotated as ``difficult`` are marked as crowds. VOC's evaluation ignores them
    whether or not they are detected, as COCO's evaluation ignores crowds.
    """

    def __init__(self, folder: Path, split: str) -> None:
        from torchvision.datasets import VOCDetection

        self.list = folder / PLACE / "ImageSets" / "Main" / f"{split}.txt"
        check_list(NAME, self.list)
        self.source = VOCDetection(folder, "2012", split)

    def __len__(self) -> int:
        return len(self.source)

    def files(self) -> list[Path]:
        """Return the list of the split, its photographs and their annotations."""
        return [self.list, *map(Path, [*self.source.images, *self.source.annotations])]

    def __getitem__(self, index: int, /) -> tuple[Tensor, dict[str, Any]]:
        photograph, file = Path(self.source.images[index]), Path(self.source.annotations[index])
        image = read_image(photograph)
        with decoding(file):
            annotation = _parse(file)
        _check_turned(photograph, image, file, annotation)
        canvas = (image.shape[1], image.shape[2])
        return image, _target(file, annotation["object"], canvas) | {"image_id": index}


def _parse(file: Path) -> dict[str, Any]:
    from torchvision.datasets import voc

    # Use the parser that torchvision chooses, which is defusedxml if it is installed.
    root = voc.ET_parse(file).getroot()
    parsed = voc.VOCDetection.parse_voc_xml(root)
    if not isinstance(parsed.get("annotation"), dict):
        raise CorruptSampleError(str(file), f"its root is {root.tag!r}; expected 'annotation'")
    annotation: dict[str, Any] = parsed["annotation"]
    if not all(isinstance(item, dict) for item in annotation["object"]):
        raise CorruptSampleError(str(file), "one of its objects is empty")
    return annotation


def _check_turned(photograph: Path, image: Tensor, file: Path, annotation: dict[str, Any]) -> None:
    """Raise `CorruptSampleError` if boxes refer to an image before its rotation by EXIF.

    A size that is missing, or matches neither orientation, as in some hand-made files, is ignored.
    """
    stated = annotation.get("size")
    sides = stated if isinstance(stated, dict) else {}
    try:
        size = (int(str(sides.get("height"))), int(str(sides.get("width"))))
    except ValueError:
        return
    if size != tuple(image.shape[1:]) and size == stored_size(photograph):
        check_size(photograph, image, size, file.name)


def _target(file: Path, objects: list[dict[str, Any]], canvas: tuple[int, int]) -> dict[str, Any]:
    boxes = torch.tensor([_box(file, item, canvas) for item in objects]).reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    return {
        "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=canvas),
        "labels": torch.tensor([_label(file, item) for item in objects], dtype=torch.int64),
        "area": sides.prod(1),
        "iscrowd": torch.tensor([_difficult(item) for item in objects], dtype=torch.int64),
    }


def _label(file: Path, item: dict[str, Any]) -> int:
    name = item.get("name")
    if name not in CATEGORIES:
        raise CorruptSampleError(str(file), f"its object {name!r} is none of VOC's 20 classes")
    return 1 + CATEGORIES.index(name)


def _difficult(item: dict[str, Any]) -> int:
    return int(item.get("difficult") == "1")


def _box(file: Path, item: dict[str, Any], canvas: tuple[int, int]) -> list[float]:
    """Return left, top, right and bottom of an object, clipped to the image."""
    bndbox = item.get("bndbox")
    corners = bndbox if isinstance(bndbox, dict) else {}
    values = [corners.get(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    try:
        left, top, right, bottom = (float(str(value)) for value in values)
    except ValueError as error:
        raise _bad_box(file, item, values, "not four numbers") from error
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise _bad_box(file, item, values, "not finite")
    height, width = canvas
    # VOC counts pixels from 1, and includes the last one in the box.
    box = [max(left - 1, 0.0), max(top - 1, 0.0), min(right, float(width)), min(bottom, height)]
    if box[2] <= box[0] or box[3] <= box[1]:
        raise _bad_box(file, item, values, f"empty in an image of {width}x{height}")
    return [float(number) for number in box]


def _bad_box(file: Path, item: dict[str, Any], values: list[Any], why: str) -> CorruptSampleError:
    text = ", ".join(map(str, values))
    return CorruptSampleError(str(file), f"the box of its {item.get('name')!r}, {text}, is {why}")


load = Voc2012()
