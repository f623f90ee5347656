"""Collect the files of a dataset that are not read, to warn the user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NO_IMAGES = "no image extension"
LINKS = "broken links"
DEEPER = "in folders below the class folders"
BESIDE = "beside the class folders"
_MAX_NAMES = 3


class LeftOut:
    """Counts the files that are not read, by reason, and keeps the names of the first ones."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[str]] = {}

    def add(self, reason: str, file: str | os.PathLike[str]) -> None:
        """Count a file."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        names = self._first.setdefault(reason, [])
        if len(names) < _MAX_NAMES:
            names.append(os.fspath(file))

    def lines(self, root: Path) -> Iterator[str]:
        """Yield a line per reason: the number of files, and the first ones relative to a root."""
        for reason, count in self._counts.items():
            names = [os.path.relpath(file, root) for file in self._first[reason]]
            files = "1 file" if count == 1 else f"{count:,} files"
            more = f" and {count - len(names):,} more" if count > len(names) else ""
            yield f"{files} left out ({reason}): {', '.join(names)}{more}"


def some(names: Sequence[str], limit: int = 5) -> str:
    """Return the first of some names, and the number of the others."""
    suffix = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + suffix
