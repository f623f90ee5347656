"""The content of a JSON file in COCO's format, as arrays that processes share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_scenes.coco.cache import identity

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Increase this with every change of the meaning of the arrays.
_VERSION = 2
# The part of an object that is wrong: one that affects all uses of the image, its box, its mask.
ANY, BOX, MASK = range(3)


@dataclass(frozen=True)
class Annotations:
    """Images, the objects in them, and the errors of both.

    Arrays stay shared with the processes that load samples. Python objects would be copied to each
    of them, because counting references writes to them.

    Attributes:
        category_ids: The ids of the categories, int64, shape ``(categories,)``, ascending.
        category_names: Their names, text, same shape.
        image_ids: The ids of the images, int64, shape ``(images,)``; -1 for the placeholder of an
            error that belongs to no image.
        image_names: The names of their files, bytes, same shape.
        image_sizes: Their height and width, int64, shape ``(images, 2)``.
        first: The index of each image's first object, int64, shape ``(images + 1,)``; the last
            element is the number of objects.
        categories: The index of each object's category, int64, shape ``(objects,)``; -1 if unknown.
        boxes: Left, top, right, bottom of each object in pixels, float32, shape ``(objects, 4)``.
        areas: The area of each object in pixels, float32, shape ``(objects,)``.
        crowds: Whether each object is a crowd, bool, same shape.
        pixels: The number of pixels of each object's mask, int64, same shape.
        columns: The first column and the number of columns of each mask, int64, shape
            ``(objects, 2)``.
        code_first: The index in ``codes`` of each object's run lengths, int64, shape
            ``(objects + 1,)``.
        codes: The compressed run lengths of all objects, uint8.
        wrong: The errors, sorted by image: the index of the image, the index of the category or -1,
            and one of `ANY`, `BOX`, `MASK`; int64, shape ``(errors, 3)``.
        wrong_where: The annotation of each error, text, shape ``(errors,)``.
        wrong_why: The message of each error, text, same shape.
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


def key_of(file: Path, *options: Any) -> str:
    """Return a key that changes with a JSON file, with the version of this code, and options."""
    return " ".join(map(str, (_VERSION, identity(file), *options)))


def cache_folders(file: Path) -> list[Path]:
    """Return the folders for cache files of a JSON file: beside it, or in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = sha256(os.fsencode(file.resolve().parent)).hexdigest()[:16]
    return [file.parent / ".lemur", Path(cache) / "lemur" / "coco" / folder]
