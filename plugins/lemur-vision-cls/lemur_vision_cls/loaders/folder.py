"""Images of your own: a folder for each class.

Either ``train``, ``test`` and ``val``, each with the class folders, or the class folders alone.
They lie in ``folder`` in the data folder, or in that itself.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from lemur_core.errors import MissingDataError
from lemur_core.images import is_grey, read_image
from lemur_core.kinds.loader import DataBundle
from lemur_vision_cls.loaders.files import ImageFiles, bundle
from lemur_vision_cls.loaders.tree import class_folders, read_tree, split_by_class

NAME = "folder"
TEST_SHARE = 0.2
EXPECTED = (
    "expected folders train and test, or one folder of images for each of two classes or more"
)


def load(folder: Path, task: str) -> DataBundle:
    """Return the images, uint8, of any size, upright as their EXIF orientation says.

    They have one channel where all are grey, else three. Without ``test``, ``val`` takes its place;
    without both, a fifth of each class does, always the same images.

    Raises:
        MissingDataError: There are no such folders, a class is empty, or the splits differ in their
            classes.
    """
    root = folder / NAME if (folder / NAME).is_dir() else folder
    trees, classes = _trees(root)
    channels = 1 if all(_all_grey(tree) for tree in trees.values()) else 3
    for tree in trees.values():
        tree.decode = partial(read_image, channels=channels)
    if "test" not in trees and "val" in trees:
        trees["test"] = trees.pop("val")
    if "test" not in trees:
        trees["train"], trees["test"] = split_by_class(trees["train"], TEST_SHARE)
    return bundle(trees["train"], trees["test"], classes, validation=trees.get("val"))


def _trees(root: Path) -> tuple[dict[str, ImageFiles], int]:
    """Return the trees by split, ``train`` alone where there are no splits, and the classes."""
    if not root.is_dir():
        raise MissingDataError(f"data set {NAME!r}: there is no {root}; {EXPECTED}")
    whole = not (root / "train").is_dir()
    classes = class_folders(root if whole else root / "train")
    if len(classes) < 2:
        raise MissingDataError(
            f"data set {NAME!r}: {root if whole else root / 'train'} has {len(classes)} class "
            f"folders; {EXPECTED}"
        )
    if whole:
        return {"train": read_tree(NAME, root, classes)}, len(classes)
    splits = [split for split in ("train", "val", "test") if (root / split).is_dir()]
    return {split: read_tree(NAME, root / split, classes) for split in splits}, len(classes)


def _all_grey(images: ImageFiles) -> bool:
    # Of a header that cannot be read, decoding will tell.
    return all(is_grey(images.file(index)) is not False for index in range(len(images)))
