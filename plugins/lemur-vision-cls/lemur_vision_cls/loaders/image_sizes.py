"""Find out how large the images of the dataset ``folder`` are, without importing torch."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lemur_core.errors import LemurError
from lemur_core.images import stored_size
from lemur_vision_cls.loaders.listing import class_folders, has_image_suffix, list_folder
from lemur_vision_cls.loaders.splits import TRAIN, root_of, split_folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "folder"
# Reading so many headers takes a tenth of a second.
_DRAWN = 256
_Item = TypeVar("_Item")


def of_folder(folder: Path) -> list[tuple[int, int]]:
    """Return the height and width of up to 256 training images, evenly spaced in each class.

    The sizes are those before an EXIF orientation is applied. Files that are no images are skipped.

    Raises:
        MissingDataError: The folders of the dataset cannot be read.
    """
    root = root_of(NAME, folder)
    train = split_folders(NAME, root).get(TRAIN, root)
    folders = [train / name for name in class_folders(train).values()]
    drawn = _evenly_spaced(folders, _DRAWN)
    each = _DRAWN // max(1, len(drawn))
    return list(chain(*(_sizes(class_folder, each) for class_folder in drawn)))


def _sizes(folder: Path, count: int) -> Iterator[tuple[int, int]]:
    images = [entry.path for entry in list_folder(folder) if has_image_suffix(entry)]
    for image in _evenly_spaced(images, count):
        try:
            yield stored_size(Path(image))
        except LemurError:
            continue


def _evenly_spaced(items: Sequence[_Item], count: int) -> Sequence[_Item]:
    """Return up to ``count`` of the items, evenly spaced."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]
