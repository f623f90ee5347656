"""Powerline: 8,000 aerial images with or without power lines, infrared or visible, 128x128 pixels.

Yetgin, Gerek: Powerline Image Dataset (Infrared-IR and Visible Light-VL), Mendeley Data n6wrv4ry6v,
version 8, 2019, MIT licence. It is published as the folders ``Infrared (IR)`` and ``Visible Light
(VL)``, each with 2,000 images ``TV_*`` that show a power line, and 2,000 images ``TY_*`` that do
not. There is no split. The images are frames of videos, and it is not published of which ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.files import ImageFiles, bundle
from lemur_vision_cls.loaders.groups import TEST_SHARE
from lemur_vision_cls.loaders.listing import is_image, list_folder
from lemur_vision_cls.loaders.presence import require
from lemur_vision_cls.loaders.tree import split_by_class
from lemur_vision_cls.loaders.unpacked import innermost

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

FOLDERS = ("Infrared (IR)", "Visible Light (VL)")
# Class 1 shows a power line. The prefixes are Turkish: "there is one", "there is none".
CLASSES = ("no power line", "power line")
PREFIXES = {"TY_": 0, "TV_": 1}
GET = "get it from https://data.mendeley.com/datasets/n6wrv4ry6v/8"


def load(folder: Path, task: str) -> DataBundle:
    """Return 6,400 training and 1,600 test images, uint8, shape ``(3, 128, 128)``.

    The test images are a fifth of each class, always the same ones.

    Raises:
        MissingDataError: The folders are not in ``powerline``, or one has no image of a class.
    """
    root = folder / "powerline"
    if root.is_dir():
        root = innermost(root)
    require("powerline", root, FOLDERS, GET)
    images = _images(root)
    return bundle(*split_by_class(images, TEST_SHARE), CLASSES)


def _images(root: Path) -> ImageFiles:
    named = [
        (f"{place}/{entry.name}", PREFIXES[entry.name[:3].upper()])
        for place in FOLDERS
        for entry in list_folder(root / place)
        if is_image(entry) and entry.name[:3].upper() in PREFIXES
    ]
    present = {(name.partition("/")[0], target) for name, target in named}
    for place in FOLDERS:
        for prefix, target in PREFIXES.items():
            if (place, target) not in present:
                raise MissingDataError(
                    f"dataset 'powerline': {root / place} has no image {prefix}*; {GET}"
                )
    names, targets = zip(*named, strict=True)
    return ImageFiles(root, names, targets)
