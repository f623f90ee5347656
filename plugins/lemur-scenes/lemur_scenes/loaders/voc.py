"""Pascal VOC 2012: photographs of 20 classes of objects, with their boxes, some with their masks.

Everingham, Van Gool, Williams, Winn, Zisserman: The Pascal Visual Object Classes Challenge, IJCV
2010. The labels of its test images are not published; its official validation split is our test
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
# Along the outlines, and of objects that are too hard to tell.
VOID = 255
SETS = {
    "img-segmentation": ("Segmentation", "SegmentationClass"),
    "obj-detection": ("Main", "Annotations"),
}


class Voc2012:
    """The loader of Pascal VOC 2012."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return its training split to train and its validation split to test.

        They have 1,464 and 1,449 photographs with masks, 5,717 and 5,823 with boxes.

        Raises:
            MissingDataError: Its files are not in ``VOCdevkit/VOC2012``, or damaged.
        """
        lists, targets = SETS[task]
        files = [f"ImageSets/{lists}/{split}.txt" for split in ("train", "val")]
        require(NAME, folder / PLACE, ["JPEGImages", targets, *files])
        samples: Callable[[Path, str], Any] = Masks if task == "img-segmentation" else Objects
        train, test = (samples(folder, split) for split in ("train", "val"))
        chance = 1 / CLASSES if task == "img-segmentation" else 0.0
        names = ("background", *CATEGORIES)
        files = (*train.files(), *test.files())
        return DataBundle(
            train,
            test,
            (CLASSES,),
            chance,
            IMAGENET,
            class_names=names,
            files=files,
        )

    def download(self, folder: Path, progress: Progress) -> None:
        """Fetch the archive, 1.9 GiB, and unpack it."""
        from torchvision.datasets.voc import DATASET_YEAR_DICT

        known = DATASET_YEAR_DICT["2012"]
        fetch_archive(known["url"], folder, md5=known["md5"], progress=progress)


class Masks:
    """The photographs of a split that have masks, and the class of each pixel."""

    def __init__(self, folder: Path, split: str) -> None:
        from torchvision.datasets import VOCSegmentation

        self.list = folder / PLACE / "ImageSets" / "Segmentation" / f"{split}.txt"
        check_list(NAME, self.list)
        self.source = VOCSegmentation(folder, "2012", split)
        self.table = class_table({one: one for one in range(CLASSES)} | {VOID: IGNORED})

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
    """The photographs of a split, and the boxes of what is in them.

    Objects that the annotators found ``difficult`` are marked as crowds: VOC's evaluation counts
    neither those that are found nor those that are not, which is how COCO's takes crowds.
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

    # By torchvision's choice of parser, which is the hardened one where that is installed.
    root = voc.ET_parse(file).getroot()
    parsed = voc.VOCDetection.parse_voc_xml(root)
    if not isinstance(parsed.get("annotation"), dict):
        raise CorruptSampleError(str(file), f"it is of {root.tag!r}; expected 'annotation'")
    annotation: dict[str, Any] = parsed["annotation"]
    if not all(isinstance(one, dict) for one in annotation["object"]):
        raise CorruptSampleError(str(file), "one of its objects is empty")
    return annotation


def _check_turned(photograph: Path, image: Tensor, file: Path, annotation: dict[str, Any]) -> None:
    """Raise `CorruptSampleError` if boxes lie on an image as it was before it was turned upright.

    A size that is missing, or is neither of the two, as in hand-made files, says nothing.
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
    boxes = torch.tensor([_box(file, one, canvas) for one in objects]).reshape(-1, 4)
    sides = boxes[:, 2:] - boxes[:, :2]
    return {
        "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=canvas),
        "labels": torch.tensor([_label(file, one) for one in objects], dtype=torch.int64),
        "area": sides.prod(1),
        "iscrowd": torch.tensor([_difficult(one) for one in objects], dtype=torch.int64),
    }


def _label(file: Path, one: dict[str, Any]) -> int:
    name = one.get("name")
    if name not in CATEGORIES:
        raise CorruptSampleError(str(file), f"its object {name!r} is none of VOC's 20 classes")
    return 1 + CATEGORIES.index(name)


def _difficult(one: dict[str, Any]) -> int:
    return int(one.get("difficult") == "1")


def _box(file: Path, one: dict[str, Any], canvas: tuple[int, int]) -> list[float]:
    """Return left, top, right, bottom of an object, clipped where the image ends."""
    given = one.get("bndbox")
    corners = given if isinstance(given, dict) else {}
    said = [corners.get(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    try:
        left, top, right, bottom = (float(str(number)) for number in said)
    except ValueError as error:
        raise _bad_box(file, one, said, "not four numbers") from error
    if not all(map(math.isfinite, (left, top, right, bottom))):
        raise _bad_box(file, one, said, "not finite")
    height, width = canvas
    # Pixels are counted from 1, and the last one belongs to the box.
    box = [max(left - 1, 0.0), max(top - 1, 0.0), min(right, float(width)), min(bottom, height)]
    if box[2] <= box[0] or box[3] <= box[1]:
        raise _bad_box(file, one, said, f"empty in an image of {width}x{height}")
    return [float(number) for number in box]


def _bad_box(file: Path, one: dict[str, Any], said: list[Any], what: str) -> CorruptSampleError:
    shown = ", ".join(map(str, said))
    return CorruptSampleError(str(file), f"the box of its {one.get('name')!r}, {shown}, is {what}")


load = Voc2012()
