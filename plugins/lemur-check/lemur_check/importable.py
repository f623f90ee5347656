"""Find the modules and packages in the folders of ``PYTHONPATH``."""

from __future__ import annotations

import os
import sys
from importlib.machinery import all_suffixes
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_METADATA = (".dist-info", ".egg-info")


def importable() -> list[Path]:
    """Return the modules, packages and distribution metadata in the folders of ``PYTHONPATH``.

    A folder without ``__init__.py`` is a package if a distribution in the same folder lists it.
    """
    folders = (Path(folder) for folder in path() if Path(folder).is_dir())
    return [*dict.fromkeys(item for folder in folders for item in _items(folder))]


def path() -> list[str]:
    """Return the folders of ``PYTHONPATH`` that this process searches, in order."""
    if sys.flags.ignore_environment:
        return []
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    # An empty item means the working directory, in which not everything is a package.
    return [os.path.abspath(folder) for folder in folders if folder]


def _items(folder: Path) -> Iterator[Path]:
    package_names = {
        name
        for distribution in distributions(path=[str(folder)])
        for name in _top_level_names(distribution)
    }
    for item in sorted(folder.iterdir()):
        is_module = item.is_file() and item.name.endswith(tuple(all_suffixes()))
        is_package = (item / "__init__.py").is_file() or item.name in package_names
        if is_module or is_package or item.suffix in _METADATA:
            yield item


def _top_level_names(distribution: Distribution) -> Iterator[str]:
    for file in distribution.files or ():
        if len(file.parts) > 1 and file.parts[0] not in ("..", "/"):
            yield file.parts[0]
