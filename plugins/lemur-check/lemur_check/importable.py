"""What Python finds in the folders of ``PYTHONPATH``, and nothing else that is in them."""

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
    """Return the modules, packages and records of distributions in folders of ``PYTHONPATH``.

    A folder without ``__init__.py`` is a package where a distribution in the same folder lists it.
    """
    folders = (Path(place) for place in path() if Path(place).is_dir())
    return [*dict.fromkeys(found for folder in folders for found in _in(folder))]


def path() -> list[str]:
    """Return the folders of ``PYTHONPATH`` that this process searches, in their order."""
    if sys.flags.ignore_environment:
        return []
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    # An empty one is the working directory, of which nothing is known to be a package.
    return [os.path.abspath(place) for place in named if place]


def _in(folder: Path) -> Iterator[Path]:
    listed = {name for one in distributions(path=[str(folder)]) for name in _tops(one)}
    for place in sorted(folder.iterdir()):
        is_module = place.is_file() and place.name.endswith(tuple(all_suffixes()))
        is_package = (place / "__init__.py").is_file() or place.name in listed
        if is_module or is_package or place.suffix in _METADATA:
            yield place


def _tops(distribution: Distribution) -> Iterator[str]:
    for file in distribution.files or ():
        if len(file.parts) > 1 and file.parts[0] not in ("..", "/"):
            yield file.parts[0]
