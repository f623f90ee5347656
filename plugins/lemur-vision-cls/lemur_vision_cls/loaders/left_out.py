"""Files of a data set that are not read, for the user to be told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NO_IMAGES = "not images by their names"
LINKS = "broken links"
DEEPER = "in folders below the class folders"
BESIDE = "beside the class folders"
_NAMED = 3


class LeftOut:
    """Counts the files that are not read, by reason, and keeps the first ones' names."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[str]] = {}

    def add(self, reason: str, file: str | os.PathLike[str]) -> None:
        """Count a file."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        named = self._first.setdefault(reason, [])
        if len(named) < _NAMED:
            named.append(os.fspath(file))

    def lines(self, root: Path) -> Iterator[str]:
        """Yield a line for each reason: how many files, and the first ones, as seen from a root."""
        for reason, count in self._counts.items():
            named = [os.path.relpath(file, root) for file in self._first[reason]]
            files = "1 file" if count == 1 else f"{count:,} files"
            more = f" and {count - len(named):,} more" if count > len(named) else ""
            yield f"{files} left out ({reason}): {', '.join(named)}{more}"


def some(names: Sequence[str], shown: int = 5) -> str:
    """Return the first of some names, and how many more there are."""
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest
