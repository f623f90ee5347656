"""What a JSON in COCO's format says, in arrays that processes share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_scenes.coco.kept import identity

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Raised with every change of what the arrays mean.
_VERSION = 2
# What of an object is wrong: all that uses the image, its box, its mask.
ANY, BOX, MASK = range(3)


@dataclass(frozen=True)
class Annotations:
    """Images, the objects in them, and what is wrong with either.

    Of a million Python objects, each process that loads would come to have copies of its own, as
    counting who refers to one writes to it; arrays stay shared.

    Attributes:
        category_ids: int64, shape ``(categories,)``, ascending.
        category_names: Text, same shape.
        image_ids: int64, shape ``(images,)``; -1 where something is wrong that is of no image.
        image_names: Of the files, bytes, same shape.
        image_sizes: Height and width, int64, shape ``(images, 2)``.
        first: Of each image's objects, int64, shape ``(images + 1,)``; the last is their number.
        categories: Index of each object's category, int64, shape ``(objects,)``; -1 is unknown.
        boxes: Left, top, right, bottom in pixels, float32, shape ``(objects, 4)``.
        areas: In pixels, float32, shape ``(objects,)``.
        crowds: Whether an object is a crowd, bool, same shape.
        pixels: Of its mask, int64, same shape.
        columns: The first column of its mask, and how many, int64, shape ``(objects, 2)``.
        code_first: Where its run lengths begin, int64, shape ``(objects + 1,)``.
        codes: All run lengths, compressed, uint8.
        wrong: What is wrong: the image, the category or -1, and one of `ANY`, `BOX`, `MASK`; int64,
            shape ``(wrongs, 3)``, by image.
        wrong_where: In which annotation, text, shape ``(wrongs,)``.
        wrong_why: And what, text, same shape.
    """

    category_ids: NDArray[np.int64]
    category_names: NDArray[np.str_]
    image_ids: NDArray[np.int64]
    image_names: NDArray[np.bytes_]
    image_sizes: NDArray[np.int64]
    first: NDArray[np.int64]
    categories: NDArray[np.int64]
    boxes: NDArray[np.float32]
    areas: NDArray[np.float32]
    crowds: NDArray[np.bool_]
    pixels: NDArray[np.int64]
    columns: NDArray[np.int64]
    code_first: NDArray[np.int64]
    codes: NDArray[np.uint8]
    wrong: NDArray[np.int64]
    wrong_where: NDArray[np.str_]
    wrong_why: NDArray[np.str_]

    def name(self, image: int) -> str:
        """Return the name of an image's file."""
        return os.fsdecode(bytes(self.image_names[image]))

    def code(self, number: int) -> bytes:
        """Return the run lengths of an object's mask."""
        return self.codes[self.code_first[number] : self.code_first[number + 1]].tobytes()

    @property
    def images(self) -> NDArray[np.int64]:
        """The image of each object, int64, shape ``(objects,)``."""
        return np.repeat(np.arange(len(self.image_ids)), np.diff(self.first))


def key_of(file: Path, *more: Any) -> str:
    """Return what changes with a JSON, with how it is read, and with what more is given."""
    return " ".join(map(str, (_VERSION, identity(file), *more)))


def places(file: Path) -> list[Path]:
    """Return where what is made of a JSON may be kept: beside it, or in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = sha256(os.fsencode(file.resolve().parent)).hexdigest()[:16]
    return [file.parent / ".lemur", Path(cache) / "lemur" / "coco" / folder]
