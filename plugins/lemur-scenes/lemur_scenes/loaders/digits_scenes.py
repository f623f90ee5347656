"""Scenes of handwritten digits, which are generated when they are first used.

A scene contains one to eight of scikit-learn's digits in different sizes, some of them overlapping,
on a textured background. The scenes are written and read in COCO's format.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import PatternError
from lemur_core.kinds.loader import DataBundle, normalisation_of
from lemur_scenes.coco.scenes import coco_scenes
from lemur_scenes.drawing.cache import cache_folders, cached_folder
from lemur_scenes.drawing.coco_files import SPLITS, VERSION, annotations_file, write_scenes
from lemur_scenes.drawing.glyphs import CLASSES

if TYPE_CHECKING:
    from pathlib import Path

NAME = "digits-scenes"
SIZE, COUNT = 128, 1000
# Digits must be large enough to be recognised, and many images must fit into memory.
_SIZES, _COUNTS = (32, 2048), (10, 1_000_000)
# The number of scenes from which the normalisation is computed; the mean is then exact to 0.01.
_DRAWN = 64


def load(folder: Path, task: str, *, size: str = str(SIZE), count: str = str(COUNT)) -> DataBundle:
    """Return the dataset; class 0 is the background, class 1 the digit 0, and so on.

    A fifth of the scenes is the test split. The scenes are generated once, in ``digits-scenes`` in
    the data folder, or in the user's cache if the data folder is not writable.

    Args:
        folder: The data folder.
        task: ``img-segmentation`` or ``obj-detection``, whose targets also contain masks.
        size: The height and width of each scene, 32 to 2048 pixels.
        count: The number of scenes, 10 to 1,000,000.

    Raises:
        PatternError: The value of an option is out of range.
        MissingDataError: The scenes cannot be written to any folder.
    """
    pixels, scenes = _whole("size", size, _SIZES), _whole("count", count, _COUNTS)
    cached = cached_folder(
        NAME,
        folder_name(pixels, scenes),
        cache_folders(folder, NAME),
        partial(write_scenes, size=pixels, count=scenes),
    )
    train, test = (
        coco_scenes(NAME, task, cached / split, cached / annotations_file(split), masks=True)
        for split in SPLITS
    )
    classes = 1 + CLASSES
    chance = 1 / classes if task == "img-segmentation" else 0.0
    images = torch.stack([train[index][0] for index in range(min(_DRAWN, len(train)))])
    return DataBundle(
        train,
        test,
        (classes,),
        chance,
        normalisation_of(images),
        class_names=train.class_names,
        files=(*train.files(), *test.files()),
    )


def folder_name(size: int, count: int) -> str:
    """Return the name of the folder of ``count`` scenes of ``size`` pixels a side."""
    return f"{size}-{count}-v{VERSION}"


def _whole(option: str, text: str, limits: tuple[int, int]) -> int:
    low, high = limits
    # Check the length first, because Python refuses to parse numbers of thousands of digits.
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(high))
    if not (digits and low <= int(text) <= high):
        raise PatternError(
            f"dataset {NAME!r}: {option} is {text!r}; expected a whole number, {low} to {high}"
        )
    return int(text)
