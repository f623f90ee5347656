"""Find the class folders of a dataset below the folders that unpacking archives creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.left_out import some
from lemur_vision_cls.loaders.listing import class_folders
from lemur_vision_cls.loaders.presence import require
from lemur_vision_cls.loaders.tree import read_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lemur_vision_cls.loaders.files import ImageFiles

_MAX_LEVELS = 3


def innermost(folder: Path) -> Path:
    """Return the first folder that has not exactly one folder in it, up to three levels below."""
    for _ in range(_MAX_LEVELS):
        inner = class_folders(folder)
        if len(inner) != 1:
            break
        folder /= next(iter(inner.values()))
    return folder


def read_classes(dataset: str, folder: Path, classes: Sequence[str], get: str) -> ImageFiles:
    """Return the images of a dataset that is published as one folder per class.

    Args:
        dataset: Name of the dataset, for errors.
        folder: The folder into which the archive was unpacked.
        classes: Names of the class folders.
        get: How to get the dataset, for errors.

    Raises:
        MissingDataError: The folder does not exist, or does not have exactly these class folders.
    """
    require(dataset, folder.parent, [folder.name], get)
    root = innermost(folder)
    missing = sorted({*classes} - {*class_folders(root)})
    if missing:
        raise MissingDataError(
            f"dataset {dataset!r}: {root} lacks the class folders {some(missing)}; {get}"
        )
    return read_tree(dataset, root, classes)
