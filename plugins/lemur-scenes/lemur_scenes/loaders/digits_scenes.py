"""Scenes of handwritten digits, drawn when they are first asked for: the data set that is embedded.

One to eight of scikit-learn's digits, at several scales, some in front of others, lie on textured
ground. They are written as COCO's files and read as those are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import PatternError
from lemur_core.kinds.loader import DataBundle, normalisation_of
from lemur_scenes.coco.scenes import coco_scenes
from lemur_scenes.drawing.coco_files import SPLITS, VERSION, annotations_file, write_scenes
from lemur_scenes.drawing.glyphs import CLASSES
from lemur_scenes.drawing.keeping import kept, places_of

if TYPE_CHECKING:
    from pathlib import Path

NAME = "digits-scenes"
SIZE, COUNT = 128, 1000
# A digit must be large enough to be told; a picture must fit in memory many times.
_SIZES, _COUNTS = (32, 2048), (10, 1_000_000)
# So many scenes tell the mean to a hundredth.
_DRAWN = 64


def load(folder: Path, task: str, *, size: str = str(SIZE), count: str = str(COUNT)) -> DataBundle:
    """Return scenes, a fifth of them to test; class 0 is the ground, 1 the digit 0, and so on.

    They are drawn once, into ``digits-scenes`` in the data folder, or in the user's cache where
    that cannot be written.

    Args:
        folder: The data folder.
        task: ``img-segmentation`` or ``obj-detection``, whose targets have masks too.
        size: Height and width of each scene, 32 to 2048 pixels.
        count: How many scenes, 10 to 1,000,000.

    Raises:
        PatternError: An option is out of its range.
        MissingDataError: There is nowhere to draw to.
    """
    pixels, scenes = _whole("size", size, _SIZES), _whole("count", count, _COUNTS)
    made = kept(
        NAME,
        folder_name(pixels, scenes),
        places_of(folder, NAME),
        partial(write_scenes, size=pixels, count=scenes),
    )
    train, test = (
        coco_scenes(NAME, task, made / split, made / annotations_file(split), masks=True)
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
    """Return the name of the folder that holds so many scenes of a size in pixels."""
    return f"{size}-{count}-v{VERSION}"


def _whole(option: str, text: str, limits: tuple[int, int]) -> int:
    low, high = limits
    # Longer than the highest is higher, and Python reads no number of thousands of digits.
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(high))
    if not (digits and low <= int(text) <= high):
        raise PatternError(
            f"data set {NAME!r}: {option} is {text!r}; expected a whole number, {low} to {high}"
        )
    return int(text)
