"""Derive the size of the transforms to search from the images of a dataset."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from lemur_core.entry import Entry
from lemur_core.fitting import LEAST_SIZE, USUAL_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lemur_core.restriction import Restriction

# Nets halve their input up to five times.
_STEP = 32


def usual_size(sizes: Iterable[tuple[int, int]]) -> int | None:
    """Return the height and width that suit images of these sizes, 32 to 224; None without images.

    This is the side of the images if all are squares of one size, otherwise the median side rounded
    to a multiple of 32.

    Args:
        sizes: Height and width of each image in pixels.

    >>> usual_size([(48, 48), (48, 48)]), usual_size([(50, 70), (52, 80)])
    (48, 64)
    """
    sides = [side for size in sizes for side in size]
    if not sides:
        return None
    side = sides[0] if len(set(sides)) == 1 else _STEP * round(median(sides) / _STEP)
    return min(max(side, LEAST_SIZE), USUAL_SIZE)


class UsualSizes:
    """The usual image sizes of datasets whose loaders can find them out, each read once.

    Args:
        folder: The data folder; None reads no images.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sizes: dict[str, list[tuple[int, int]]] = {}

    def of(self, dataset: str, loader: Entry, restriction: Restriction) -> int | None:
        """Return the usual size of a dataset's images; None if it is unknown.

        Args:
            dataset: The dataset's name, with its restriction.
            loader: The entry of its loader.
            restriction: The restriction.
        """
        if self._folder is None or loader.size or loader.image_sizes is None:
            return None
        if dataset not in self._sizes:
            self._sizes[dataset] = _read(loader, loader.image_sizes, self._folder, restriction)
        return usual_size(self._sizes[dataset])

    def line(self, dataset: str) -> str:
        """Return a line about the size of a dataset's images; empty if it was not read."""
        sizes = self._sizes.get(dataset, [])
        size = usual_size(sizes)
        if size is None:
            return ""
        sides = [side for pair in sizes for side in pair]
        least, most = min(sides), max(sides)
        text = f"{most} px" if least == most else f"{least} to {most} px, median {median(sides):g}"
        return (
            f"dataset {dataset!r}: images of {text}: transforms of {size} px or more are searched"
        )


def _read(
    loader: Entry, target: str, folder: Path, restriction: Restriction
) -> list[tuple[int, int]]:
    options = {name.replace("-", "_"): text for name, text in restriction.options}
    try:
        return [*Entry(loader.name, target).load()(folder, **options)]
    # Third-party code may raise anything; pipelines of other datasets must still be trained. The
    # loader itself reports missing or invalid data.
    except Exception:
        return []
