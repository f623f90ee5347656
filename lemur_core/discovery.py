"""Find the entry points of a group in what is installed.

`importlib.metadata` does this for every kind of installation there ever was, and importing it takes
a third of the time in which ``lemur --help`` is done. What pip and its like install is a folder
``NAME-VERSION.dist-info`` on `sys.path`, with the files ``entry_points.txt`` and ``METADATA``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Distribution:
    """What is installed, by its folder of metadata."""

    folder: str

    @cached_property
    def name(self) -> str:
        """Its name, as it is written there."""
        return self._header("Name")

    @cached_property
    def version(self) -> str:
        """Its version."""
        return self._header("Version")

    def _header(self, name: str) -> str:
        with open(os.path.join(self.folder, "METADATA"), encoding="utf-8") as file:
            for line in file:
                field, _, value = line.partition(":")
                if field == name:
                    return value.strip()
        return ""


@dataclass(frozen=True)
class Point:
    """An entry point: its name, what it names, and whose it is."""

    name: str
    value: str
    dist: Distribution

    def load(self) -> Any:
        """Import what it names."""
        module, _, attribute = self.value.partition(":")
        found: Any = import_module(module)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
        return found


def entry_points(group: str) -> list[Point]:
    """Return the entry points of a group, by name.

    Of a distribution that is there twice the one counts that Python would import.
    """
    found = {}
    for folder in reversed(list(_metadata())):
        key = os.path.basename(folder).partition("-")[0]
        found[key] = list(_points(Distribution(folder), group))
    return sorted((point for points in found.values() for point in points), key=lambda p: p.name)


def _metadata() -> Iterator[str]:
    for place in dict.fromkeys(sys.path):
        try:
            names = sorted(os.listdir(place or "."))
        except OSError:
            continue
        yield from (os.path.join(place, name) for name in names if name.endswith(".dist-info"))


def _points(distribution: Distribution, group: str) -> Iterator[Point]:
    try:
        with open(os.path.join(distribution.folder, "entry_points.txt"), encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return
    section = ""
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == group and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            # Extras in brackets ask for nothing that matters here.
            yield Point(name.strip(), value.partition("[")[0].strip(), distribution)
