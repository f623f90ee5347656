"""Read trees of images with a folder for each class."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.files import ImageFiles
from lemur_vision_cls.loaders.left_out import DEEPER, LINKS, NO_IMAGES, LeftOut, some
from lemur_vision_cls.loaders.listing import (
    class_folders,
    composed,
    images_below,
    is_image,
    list_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SEED = 0


def expect_classes(dataset: str, folder: Path, classes: int) -> list[str]:
    """Return the class names of a dataset.

    Raises:
        MissingDataError: The number of class folders is not the number of classes.
    """
    names = class_folders(folder)
    if len(names) != classes:
        raise MissingDataError(
            f"dataset {dataset!r}: {folder} has {len(names)} class folders; "
            f"expected {classes}; get it again"
        )
    return list(names)


def read_tree(
    dataset: str,
    folder: Path,
    classes: Sequence[str],
    inside: str = "",
    left_out: LeftOut | None = None,
) -> ImageFiles:
    """Return the images of all classes.

    Args:
        dataset: Name of the dataset, for errors.
        folder: The folder of the class folders.
        classes: Names of the classes.
        inside: Folder in each class folder that has the images. If empty, they are in the class
            folder itself.
        left_out: Collects the files that are not read, if given.

    Raises:
        MissingDataError: The class folders differ from ``classes``, a class has no image, or a
            folder cannot be read.
    """
    left_out = LeftOut() if left_out is None else left_out
    folders = class_folders(folder)
    _check_same(dataset, folder, classes, folders)
    names, targets, empty = [], [], []
    for target, name in enumerate(classes):
        class_folder = folder / folders[name] / inside
        images = (
            sorted(_images(class_folder, left_out), key=_order) if class_folder.is_dir() else []
        )
        names += [os.path.join(folders[name], inside, image) for image in images]
        targets += [target] * len(images)
        if not images:
            empty.append(name)
    if empty:
        note = _note_on_files([folder / folders[name] / inside for name in empty])
        raise MissingDataError(
            f"dataset {dataset!r}: {folder} has class folders without an image: {some(empty)}"
            f"{note}; add images, or remove them"
        )
    return ImageFiles(folder, names, targets)


def split_by_class(images: ImageFiles, share: float) -> tuple[ImageFiles, ImageFiles]:
    """Return two parts, the second with a fraction of each class, always the same images.

    Raises:
        MissingDataError: The second part would be empty.
    """
    generator = torch.Generator().manual_seed(_SEED)
    first, second = [], []
    for target in range(int(images.targets.max()) + 1):
        indices = (images.targets == target).nonzero().flatten()
        order = indices[torch.randperm(len(indices), generator=generator)]
        count = round(share * len(order))
        second.append(order[:count])
        first.append(order[count:])
    if not any(len(part) for part in second):
        raise MissingDataError(
            f"{images.root}: {len(images)} images are too few to split off {share:.0%} of "
            "each class for testing; add images, or a folder test beside a folder train"
        )
    # In the order of the tree, because neighbouring files are faster to read.
    train, test = (images.take(torch.cat(part).sort().values) for part in (first, second))
    return train, test


def _check_same(
    dataset: str, folder: Path, classes: Sequence[str], folders: Mapping[str, str]
) -> None:
    missing, unknown = sorted({*classes} - {*folders}), sorted({*folders} - {*classes})
    if not missing and not unknown:
        return
    images = sum(map(is_image, list_folder(folder)))
    if not folders and images:
        raise MissingDataError(
            f"dataset {dataset!r}: {folder} has images ({images}), but no class folder; without "
            "classes they cannot be used: move it out of the dataset"
        )
    faults = [f"lacks {some(missing)}"] * bool(missing)
    faults += [f"has {some(unknown)} in addition"] * bool(unknown)
    raise MissingDataError(
        f"dataset {dataset!r}: {folder} {' and '.join(faults)}; "
        f"expected the class folders of the training split{_similar_names(missing, unknown)}"
    )


def _similar_names(missing: Sequence[str], unknown: Sequence[str]) -> str:
    """Return a hint if two names only differ in case, spaces or forms of letters."""
    plain = {_plain(name): name for name in missing}
    for name in unknown:
        if _plain(name) in plain:
            other = plain[_plain(name)]
            return f"; {name!a} is similar to {other!a} there: use the same name for both"
    return ""


def _note_on_files(folders: Sequence[Path]) -> str:
    """Return a note on the first file in or below folders that directly contain no image."""
    for folder in filter(os.path.isdir, folders):
        for image in images_below(folder):
            return f" (images in deeper folders, such as {image}, are not read)"
        for entry in list_folder(folder):
            if os.path.isfile(entry.path):
                return f" ({entry.path} does not have the extension of an image)"
    return ""


def _images(folder: Path, left_out: LeftOut) -> Iterator[str]:
    for entry in list_folder(folder):
        if is_image(entry):
            yield entry.name
        elif os.path.isfile(entry.path):
            left_out.add(NO_IMAGES, entry.path)
        elif entry.is_symlink() and not os.path.isdir(entry.path):
            left_out.add(LINKS, entry.path)
        elif os.path.isdir(entry.path):
            for image in images_below(Path(entry.path)):
                left_out.add(DEEPER, image)


def _order(name: str) -> tuple[str, str]:
    # The order is the same on every machine, so the test split is too.
    return composed(name), name


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
