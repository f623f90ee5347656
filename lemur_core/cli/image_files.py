"""Find the image files that a command line names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def image_files(places: Iterable[str]) -> list[Path]:
    """Return the files at the places: files themselves, and all images in folders, sorted.

    Hidden files and folders are left out. A file that is named itself may have any suffix.

    Raises:
        MissingDataError: A place does not exist, or a folder has no images.
        PluginError: Pillow, which reads images, is not installed.
    """
    return [file for place in places for file in _files_at(Path(place).expanduser())]


def _files_at(place: Path) -> list[Path]:
    if not place.exists():
        raise MissingDataError(f"{place}: there is no such file or folder")
    if not place.is_dir():
        return [place]
    files = sorted(_images_in(place))
    if not files:
        raise MissingDataError(
            f"{place}: has no image in it or in its subfolders; expected files such as .png or .jpg"
        )
    return files


def _images_in(folder: Path) -> Iterator[Path]:
    from lemur_core.images import SUFFIXES

    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(root, name)
            if not name.startswith(".") and file.suffix.lower() in SUFFIXES:
                yield file
