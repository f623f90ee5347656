"""List folders of images, without importing torch."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError
from lemur_core.images import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

# Files and folders that operating systems create, besides names that begin with a dot.
_SYSTEM_NAMES = frozenset(
    (
        *("__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    )
)


def class_folders(folder: Path) -> dict[str, str]:
    """Return the folders of the classes 0, 1, ... by class name, sorted by name.

    Hidden folders and those of operating systems are ignored. Names are composed (NFC), because
    folders unpacked on a Mac have other code points for the same letters.

    Raises:
        MissingDataError: The folder cannot be read, or two of its folders have the same name.
    """
    folders: dict[str, str] = {}
    for entry in list_folder(folder):
        if os.path.isdir(entry.path):
            name = composed(entry.name)
            if name in folders:
                raise MissingDataError(
                    f"{folder} has the class {name} twice, {folders[name]!a} and "
                    f"{entry.name!a}, which differ in Unicode normalisation only; "
                    "put their images into one folder"
                )
            folders[name] = entry.name
    return dict(sorted(folders.items()))


def list_folder(folder: Path) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, sorted by name, without hidden and system files.

    Raises:
        MissingDataError: The folder cannot be read.
    """
    try:
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if not entry.name.startswith(".")]
    except OSError as error:
        raise MissingDataError(f"{folder} cannot be read: {error.strerror}") from error
    entries = [entry for entry in entries if entry.name.lower() not in _SYSTEM_NAMES]
    return sorted(entries, key=lambda entry: entry.name)


def images_below(folder: Path) -> Iterator[str]:
    """Yield the images in a folder and all folders below it."""
    for entry in list_folder(folder):
        # Links are not followed, because they may form a loop.
        if entry.is_dir(follow_symlinks=False):
            yield from images_below(Path(entry.path))
        elif is_image(entry):
            yield entry.path


def has_image_suffix(entry: os.DirEntry[str]) -> bool:
    """Return whether the name of an entry has the extension of an image."""
    return os.path.splitext(entry.name)[1].lower() in SUFFIXES


def is_image(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file with the extension of an image."""
    return has_image_suffix(entry) and os.path.isfile(entry.path)


def composed(name: str) -> str:
    """Return a name with composed letters (NFC)."""
    return unicodedata.normalize("NFC", name)
