"""ImageNet-1k and its small relatives Imagenette and Tiny ImageNet.

Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, 2015. Howard: Imagenette,
2019. Le, Yang: Tiny ImageNet Visual Recognition Challenge, 2015.

The labels of the test images of ImageNet and Tiny ImageNet are not published. As in the literature,
the official validation split is used as the test split, and lemur holds its validation split out of
the training images.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.fetch import Progress, fetch_archive
from lemur_vision_cls.loaders.files import IMAGENET, ImageFiles, bundle
from lemur_vision_cls.loaders.listing import class_folders
from lemur_vision_cls.loaders.presence import damaged, require
from lemur_vision_cls.loaders.tree import expect_classes, read_tree

if TYPE_CHECKING:
    from lemur_core.kinds.loader import DataBundle

IMAGENETTE_SIZE, IMAGENETTE_CLASSES = "320px", 10
TINY_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
TINY_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
TINY, TINY_CLASSES = "tiny-imagenet-200", 200
ANNOTATIONS = "val_annotations.txt"
CLASSES = 1000
GET_IMAGENET = "get it from https://image-net.org/download (requires an account)"


class Imagenette:
    """The loader of Imagenette, ten classes of ImageNet that are easy to distinguish."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 9,469 training and 3,925 test images, uint8, with a shorter side of 320 px.

        Raises:
            MissingDataError: The dataset's folder is missing or incomplete.
        """
        root = folder / Path(_imagenette_archive()[0]).stem
        require("imagenette", root, ["train", "val"])
        classes = expect_classes("imagenette", root / "train", IMAGENETTE_CLASSES)
        train, test = (read_tree("imagenette", root / split, classes) for split in _SPLITS)
        return bundle(train, test, classes, IMAGENET)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack the archive."""
        url, md5 = _imagenette_archive()
        fetch_archive(url, folder, md5=md5, progress=progress)


class TinyImagenet:
    """The loader of Tiny ImageNet, 200 classes at 64x64 pixels."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 100,000 training and 10,000 test images, uint8, shape ``(3, 64, 64)``.

        Raises:
            MissingDataError: The dataset's folder is missing or incomplete.
        """
        root = folder / TINY
        require("tiny-imagenet", root, ["train", "val/images", f"val/{ANNOTATIONS}"])
        classes = expect_classes("tiny-imagenet", root / "train", TINY_CLASSES)
        train = read_tree("tiny-imagenet", root / "train", classes, inside="images")
        test = _annotated(root / "val", classes)
        return bundle(train, test, classes, IMAGENET, labels=[root / "val" / ANNOTATIONS])

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack the archive."""
        fetch_archive(TINY_URL, folder, md5=TINY_MD5, progress=progress)


def load_imagenet(folder: Path, task: str) -> DataBundle:
    """Return 1,281,167 training and 50,000 test images, uint8, of any size.

    Classes are in the order of their WordNet ids, which are the names of the folders in ``train``.
    The class folders in ``val`` may be missing if torchvision's ``meta.bin`` has the labels.

    Raises:
        MissingDataError: The folders are not in ``imagenet-1k``, or are incomplete.
    """
    root = folder / "imagenet-1k"
    require("imagenet-1k", root, ["train", "val"], GET_IMAGENET)
    classes = expect_classes("imagenet-1k", root / "train", CLASSES)
    train = read_tree("imagenet-1k", root / "train", classes)
    if class_folders(root / "val"):
        test, labels = read_tree("imagenet-1k", root / "val", classes), []
    else:
        test, labels = _labelled_by_meta(root, classes), [root / _meta_file()]
    return bundle(train, test, classes, IMAGENET, labels=labels)


def _annotated(folder: Path, classes: list[str]) -> ImageFiles:
    """Return the images of Tiny ImageNet's ``val``, whose classes are in a file."""
    annotations = folder / ANNOTATIONS
    rows = [line.split("\t") for line in annotations.read_text().splitlines()]
    if not rows or any(len(row) < 2 for row in rows):
        raise damaged("tiny-imagenet", annotations, "expected a file and a class in each line")
    targets = _targets("tiny-imagenet", annotations, [row[1] for row in rows], classes)
    return ImageFiles(folder / "images", [row[0] for row in rows], targets)


def _labelled_by_meta(root: Path, classes: list[str]) -> ImageFiles:
    """Return the images of ImageNet's ``val`` as it is published, in one folder."""
    from torchvision.datasets.imagenet import load_meta_file

    meta = root / _meta_file()
    require("imagenet-1k", root, [meta.name], "put val's images into folders of their classes")
    _, wnids = load_meta_file(root)
    files = sorted(file.name for file in (root / "val").glob("*.JPEG"))
    if len(files) != len(wnids):
        counts = f"it has the labels of {len(wnids)} images; {root / 'val'} has {len(files)}"
        raise damaged("imagenet-1k", meta, counts)
    targets = _targets("imagenet-1k", meta, wnids, classes)
    return ImageFiles(root / "val", files, targets)


def _targets(dataset: str, file: Path, wnids: list[str], classes: list[str]) -> list[int]:
    index = {wnid: target for target, wnid in enumerate(classes)}
    unknown = sorted({*wnids} - {*classes})
    if unknown:
        raise damaged(dataset, file, f"class {unknown[0]!r} is not one of those in train")
    return [index[wnid] for wnid in wnids]


def _meta_file() -> str:
    from torchvision.datasets.imagenet import META_FILE

    file: str = META_FILE
    return file


def _imagenette_archive() -> tuple[str, str]:
    from torchvision import datasets

    url, md5 = datasets.Imagenette._ARCHIVES[IMAGENETTE_SIZE]
    return url, md5


_SPLITS = ("train", "val")
imagenette, tiny_imagenet = Imagenette(), TinyImagenet()
