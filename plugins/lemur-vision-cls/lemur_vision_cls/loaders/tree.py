"""Trees of images: a folder for each class, its images in it."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lemur_core.errors import MissingDataError
from lemur_core.images import SUFFIXES
from lemur_vision_cls.loaders.files import ImageFiles
from lemur_vision_cls.loaders.left_out import DEEPER, LINKS, NO_IMAGES, LeftOut, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SEED = 0
# What systems leave beside the user's files, besides names that begin with a dot.
_OF_SYSTEMS = frozenset(
    (
        *("__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    )
)


def class_folders(folder: Path) -> dict[str, str]:
    """Return the folders of the classes 0, 1, ... by class name, in the names' order.

    Hidden folders and those of systems are passed over. Names are composed (NFC), as a folder
    unpacked on a Mac has other code points for the same letters.

    Raises:
        MissingDataError: The folder cannot be read, or two of its folders have the same name.
    """
    found: dict[str, str] = {}
    for one in listed(folder):
        if os.path.isdir(one.path):
            name = _composed(one.name)
            if name in found:
                raise MissingDataError(
                    f"{folder} has the class {name} twice, {found[name]!a} and "
                    f"{one.name!a}, which differ in Unicode normalisation only; "
                    "put their images into one folder"
                )
            found[name] = one.name
    return dict(sorted(found.items()))


def expect_classes(dataset: str, folder: Path, classes: int) -> list[str]:
    """Return the class names of a data set.

    Raises:
        MissingDataError: There are not as many class folders as it has classes.
    """
    names = class_folders(folder)
    if len(names) != classes:
        raise MissingDataError(
            f"data set {dataset!r}: {folder} has {len(names)} class folders; "
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
        dataset: Its name, for errors.
        folder: Of the class folders.
        classes: Their names.
        inside: Folder in each class folder that holds the images; else they lie in it directly.
        left_out: Collects the files that are not read; None collects none.

    Raises:
        MissingDataError: The class folders are others, one has no image, or one cannot be read.
    """
    left_out = LeftOut() if left_out is None else left_out
    folders = class_folders(folder)
    _check_same(dataset, folder, classes, folders)
    names, targets, empty = [], [], []
    for target, name in enumerate(classes):
        place = folder / folders[name] / inside
        found = sorted(_images(place, left_out), key=_order) if place.is_dir() else []
        names += [os.path.join(folders[name], inside, image) for image in found]
        targets += [target] * len(found)
        if not found:
            empty.append(name)
    if empty:
        there = _first_there([folder / folders[name] / inside for name in empty])
        raise MissingDataError(
            f"data set {dataset!r}: {folder} has class folders without an image: {some(empty)}"
            f"{there}; add images, or remove them"
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


def listed(folder: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, sorted by name, but for hidden files and those of systems.

    Raises:
        MissingDataError: The folder cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            shown = [one for one in found if not one.name.startswith(".")]
    except OSError as error:
        raise MissingDataError(f"{folder} cannot be read: {error.strerror}") from error
    shown = [one for one in shown if one.name.lower() not in _OF_SYSTEMS]
    return sorted(shown, key=lambda one: one.name)


def images_below(folder: Path) -> Iterator[str]:
    """Yield the images in a folder and all folders below it."""
    for one in listed(folder):
        # Links are not followed, as they may lead back.
        if one.is_dir(follow_symlinks=False):
            yield from images_below(Path(one.path))
        elif is_image(one):
            yield one.path


def is_image(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file with an image's suffix."""
    return os.path.splitext(entry.name)[1].lower() in SUFFIXES and os.path.isfile(entry.path)


def _check_same(
    dataset: str, folder: Path, classes: Sequence[str], there: Mapping[str, str]
) -> None:
    lacking, foreign = sorted({*classes} - {*there}), sorted({*there} - {*classes})
    if not lacking and not foreign:
        return
    found = sum(map(is_image, listed(folder)))
    if not there and found:
        raise MissingDataError(
            f"data set {dataset!r}: {folder} has images ({found}), but no class folder; without "
            "their classes they cannot be used: move it out of the data set"
        )
    said = [f"lacks {some(lacking)}"] * bool(lacking)
    said += [f"has {some(foreign)} beyond them"] * bool(foreign)
    raise MissingDataError(
        f"data set {dataset!r}: {folder} {' and '.join(said)}; "
        f"expected the class folders of the training split{_alike(lacking, foreign)}"
    )


def _alike(lacking: Sequence[str], foreign: Sequence[str]) -> str:
    """Return a hint at two names that differ in case, spaces or kinds of letters only."""
    plain = {_plain(name): name for name in lacking}
    for name in foreign:
        if _plain(name) in plain:
            other = plain[_plain(name)]
            return f"; {name!a} is nearly {other!a} there: give both one name"
    return ""


def _first_there(folders: Sequence[Path]) -> str:
    """Return a note on the first file in or below folders that have no image directly."""
    for folder in filter(os.path.isdir, folders):
        for image in images_below(folder):
            return f" (images in deeper folders, such as {image}, are not read)"
        for one in listed(folder):
            if os.path.isfile(one.path):
                return f" (by its name {one.path} is no image)"
    return ""


def _images(folder: Path, left_out: LeftOut) -> Iterator[str]:
    for one in listed(folder):
        if is_image(one):
            yield one.name
        elif os.path.isfile(one.path):
            left_out.add(NO_IMAGES, one.path)
        elif one.is_symlink() and not os.path.isdir(one.path):
            left_out.add(LINKS, one.path)
        elif os.path.isdir(one.path):
            for image in images_below(Path(one.path)):
                left_out.add(DEEPER, image)


def _order(name: str) -> tuple[str, str]:
    # The same on every host, so that the same images are tested on.
    return _composed(name), name


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
