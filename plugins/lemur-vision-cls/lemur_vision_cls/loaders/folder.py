"""Images of your own: a folder for each class.

Either ``train``, ``test`` and ``val``, each with the class folders, or the class folders alone.
They lie in ``folder`` in the data folder, or in that itself.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import MissingDataError
from lemur_core.images import is_grey, read_image
from lemur_vision_cls.loaders.files import ImageFiles, bundle
from lemur_vision_cls.loaders.left_out import BESIDE, LeftOut, some
from lemur_vision_cls.loaders.splits import TEST, TRAIN, VALIDATION, split_folders
from lemur_vision_cls.loaders.tree import (
    class_folders,
    is_image,
    listed,
    read_tree,
    split_by_class,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

NAME = "folder"
TEST_SHARE = 0.2
EXPECTED = (
    "expected folders train and test, or one folder of images for each of two classes or more"
)


def load(folder: Path, task: str) -> DataBundle:
    """Return the images, uint8, of any size.

    They have one channel if all are grey, else three. Without a test split the validation split
    takes its place; without both, a fifth of each class does, always the same images. A warning
    says which files are left out.

    Raises:
        MissingDataError: There are no such folders, a class is empty, the splits differ in their
            classes, or a folder beside them is no known split.
    """
    root = folder / NAME if (folder / NAME).is_dir() else folder
    trees, classes = _trees(root)
    channels = 1 if all(_all_grey(tree) for tree in trees.values()) else 3
    for tree in trees.values():
        tree.decode = partial(read_image, channels=channels)
    if TEST not in trees and VALIDATION in trees:
        trees[TEST] = trees.pop(VALIDATION)
    if TEST not in trees:
        trees[TRAIN], trees[TEST] = split_by_class(trees[TRAIN], TEST_SHARE)
        _warn_of_untested(trees[TRAIN], trees[TEST], classes)
    return bundle(trees[TRAIN], trees[TEST], classes, validation=trees.get(VALIDATION))


def _trees(root: Path) -> tuple[dict[str, ImageFiles], list[str]]:
    """Return the trees by split, only one to train if there are no splits, and the classes."""
    if not root.is_dir():
        raise MissingDataError(f"data set {NAME!r}: there is no {root}; {EXPECTED}")
    folders = split_folders(NAME, root) or {TRAIN: root}
    classes = list(class_folders(folders[TRAIN]))
    if len(classes) < 2:
        raise MissingDataError(
            f"data set {NAME!r}: {folders[TRAIN]} has {len(classes)} class folders; {EXPECTED}"
            f"{_instead(folders[TRAIN], classes)}"
        )
    left_out = LeftOut()
    trees = {split: _tree(place, classes, left_out) for split, place in folders.items()}
    for line in left_out.lines(root):
        warnings.warn(f"data set {NAME!r}: {line}", stacklevel=3)
    return trees, classes


def _tree(place: Path, classes: list[str], left_out: LeftOut) -> ImageFiles:
    for one in listed(place):
        if is_image(one):
            left_out.add(BESIDE, one.path)
    return read_tree(NAME, place, classes, left_out=left_out)


def _instead(place: Path, classes: list[str]) -> str:
    """Return a hint at images without classes, or at class folders that lie a folder deeper."""
    images = sum(map(is_image, listed(place)))
    if images and not classes:
        return f"; there are images ({images}) that no folder gives a class"
    for name in classes:
        inner = list(class_folders(place / name))
        if len(inner) > 1:
            return f"; {place / name} has {some(inner)}: give that folder with --data"
    return ""


def _warn_of_untested(train: ImageFiles, test: ImageFiles, classes: list[str]) -> None:
    counts = torch.bincount(train.targets, minlength=len(classes)).tolist()
    tested = torch.bincount(test.targets, minlength=len(classes)).tolist()
    untested = [
        f"{name} ({count})"
        for name, count, to_test in zip(classes, counts, tested, strict=True)
        if not to_test
    ]
    if untested:
        warnings.warn(
            f"data set {NAME!r}: a fifth of their images is none, so nothing tests the classes "
            f"{some(untested)}; add images, or a folder test beside a folder train",
            stacklevel=3,
        )


def _all_grey(images: ImageFiles) -> bool:
    # If a header cannot be read, decoding says so.
    return all(is_grey(images.file(index)) is not False for index in range(len(images)))
