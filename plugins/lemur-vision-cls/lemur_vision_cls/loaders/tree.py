"""Trees of images: a folder for each class, its images in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.files import ImageFiles

_SEED = 0


def class_folders(folder: Path) -> list[str]:
    """Return the names of a folder's folders, in order: class 0, class 1, ...; hidden ones not."""
    with os.scandir(folder) as found:
        return sorted(one.name for one in found if one.is_dir() and not one.name.startswith("."))


def expect_classes(dataset: str, folder: Path, classes: int) -> list[str]:
    """Return the class folders of a data set.

    Raises:
        MissingDataError: There are not as many as it has classes.
    """
    names = class_folders(folder)
    if len(names) != classes:
        raise MissingDataError(
            f"data set {dataset!r}: {folder} has {len(names)} class folders; "
            f"expected {classes}; get it again"
        )
    return names


def read_tree(dataset: str, folder: Path, classes: Sequence[str], inside: str = "") -> ImageFiles:
    """Return the images of all classes.

    Args:
        dataset: Its name, for errors.
        folder: Of the class folders.
        classes: Their names.
        inside: Folder in each class folder that holds the images; else they lie in it directly.

    Raises:
        MissingDataError: The class folders are others, or one has no image.
    """
    _check_same(dataset, folder, classes)
    names, targets, empty = [], [], []
    for target, name in enumerate(classes):
        place = folder / name / inside
        found = sorted(_images(place)) if place.is_dir() else []
        names += [os.path.join(name, inside, image) for image in found]
        targets += [target] * len(found)
        if not found:
            empty.append(name)
    if empty:
        raise MissingDataError(
            f"data set {dataset!r}: {folder} has class folders without an image: {_some(empty)}; "
            "add images, or remove them"
        )
    return ImageFiles(folder, names, targets)


def split_by_class(images: ImageFiles, share: float) -> tuple[ImageFiles, ImageFiles]:
    """Return two parts, the second a share of each class, always the same images.

    Raises:
        MissingDataError: The second would be empty.
    """
    generator = torch.Generator().manual_seed(_SEED)
    first, second = [], []
    for target in range(int(images.targets.max()) + 1):
        of_class = (images.targets == target).nonzero().flatten()
        order = of_class[torch.randperm(len(of_class), generator=generator)]
        count = round(share * len(order))
        second.append(order[:count])
        first.append(order[count:])
    if not any(len(part) for part in second):
        raise MissingDataError(
            f"{images.root}: {len(images)} images are too few to set a share of {share:.0%} of "
            "each class aside to test; add images, or a folder test beside a folder train"
        )
    # In the tree's order, so that neighbours are read one after another.
    return tuple(images.take(torch.cat(part).sort().values) for part in (first, second))


def _check_same(dataset: str, folder: Path, classes: Sequence[str]) -> None:
    there = class_folders(folder)
    lacking, foreign = sorted({*classes} - {*there}), sorted({*there} - {*classes})
    if lacking or foreign:
        said = [f"lacks {_some(lacking)}"] * bool(lacking)
        said += [f"has {_some(foreign)} beyond them"] * bool(foreign)
        raise MissingDataError(
            f"data set {dataset!r}: {folder} {' and '.join(said)}; "
            "expected the class folders of the training split"
        )


def _images(folder: Path) -> Iterator[str]:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    with os.scandir(folder) as found:
        for one in found:
            if one.name.lower().endswith(IMG_EXTENSIONS) and not one.name.startswith("."):
                yield one.name


def _some(names: Sequence[str], shown: int = 5) -> str:
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest
