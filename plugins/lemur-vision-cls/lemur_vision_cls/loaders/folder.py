"""Your own images, a folder for each class.

The class folders are either in folders ``train``, ``test`` and ``val``, or there are no splits.
These folders are in the folder ``folder`` of the data folder, or directly in the data folder.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import MissingDataError
from lemur_core.images import is_grey, read_image
from lemur_vision_cls.loaders.files import ImageFiles, bundle
from lemur_vision_cls.loaders.image_sizes import NAME
from lemur_vision_cls.loaders.left_out import BESIDE, LeftOut, some
from lemur_vision_cls.loaders.listing import class_folders, is_image, list_folder
from lemur_vision_cls.loaders.splits import TEST, TRAIN, VALIDATION, root_of, split_folders
from lemur_vision_cls.loaders.tree import read_tree, split_by_class

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

TEST_SHARE = 0.2
EXPECTED = (
    "expected folders train and test, or one folder of images for each of two classes or more"
)


def load(folder: Path, task: str) -> DataBundle:
    """Return the images, uint8, of any size.

    They have one channel if all are grey, otherwise three. Without a test split, the validation
    split is used as the test split. Without both, a fifth of each class is, always the same images.
    A warning lists the files that are left out.

    Raises:
        MissingDataError: The folders do not exist, a class is empty, the splits have different
            classes, or a folder beside them is not a known split.
    """
    root = root_of(NAME, folder)
    trees, classes = _trees(root)
    channels = 1 if all(_all_grey(tree) for tree in trees.values()) else 3
    for tree in trees.values():
        tree.decode = partial(read_image, channels=channels)
    if TEST not in trees and VALIDATION in trees:
        trees[TEST] = trees.pop(VALIDATION)
    if TEST not in trees:
        trees[TRAIN], trees[TEST] = split_by_class(trees[TRAIN], TEST_SHARE)
        _warn_about_untested(trees[TRAIN], trees[TEST], classes)
    return bundle(trees[TRAIN], trees[TEST], classes, validation=trees.get(VALIDATION))


def _trees(root: Path) -> tuple[dict[str, ImageFiles], list[str]]:
    """Return the images by split, only ``train`` if there are no splits, and the classes."""
    if not root.is_dir():
        raise MissingDataError(f"dataset {NAME!r}: there is no {root}; {EXPECTED}")
    folders = split_folders(NAME, root) or {TRAIN: root}
    classes = list(class_folders(folders[TRAIN]))
    if len(classes) < 2:
        raise MissingDataError(
            f"dataset {NAME!r}: {folders[TRAIN]} has {len(classes)} class folders; {EXPECTED}"
            f"{_hint(folders[TRAIN], classes)}"
        )
    left_out = LeftOut()
    trees = {split: _tree(folder, classes, left_out) for split, folder in folders.items()}
    for line in left_out.lines(root):
        warnings.warn(f"dataset {NAME!r}: {line}", stacklevel=3)
    return trees, classes


def _tree(folder: Path, classes: list[str], left_out: LeftOut) -> ImageFiles:
    for entry in list_folder(folder):
        if is_image(entry):
            left_out.add(BESIDE, entry.path)
    return read_tree(NAME, folder, classes, left_out=left_out)


def _hint(folder: Path, classes: list[str]) -> str:
    """Return a hint if images are not in class folders, or class folders are a level deeper."""
    images = sum(map(is_image, list_folder(folder)))
    if images and not classes:
        return f"; images outside of class folders: {images}"
    for name in classes:
        inner = list(class_folders(folder / name))
        if len(inner) > 1:
            return f"; {folder / name} has {some(inner)}; use that folder as --data"
    return ""


def _warn_about_untested(train: ImageFiles, test: ImageFiles, classes: list[str]) -> None:
    counts = torch.bincount(train.targets, minlength=len(classes)).tolist()
    tested = torch.bincount(test.targets, minlength=len(classes)).tolist()
    untested = [
        f"{name} ({count})"
        for name, count, to_test in zip(classes, counts, tested, strict=True)
        if not to_test
    ]
    if untested:
        warnings.warn(
            f"dataset {NAME!r}: these classes have too few images to test on a fifth of them: "
            f"{some(untested)}; add images, or a folder test beside a folder train",
            stacklevel=3,
        )


def _all_grey(images: ImageFiles) -> bool:
    # If a header cannot be read, decoding reports it.
    return all(is_grey(images.file(index)) is not False for index in range(len(images)))
