"""MLC 2008: points in 671 photographs of coral reefs, 9 classes, as crops of 312x312 pixels.

Beijbom, Edmunds, Kline, Mitchell, Kriegman: Automated Annotation of Coral Reef Survey Images, CVPR
2012; the images of 2008 of the Moorea Labeled Corals, Moorea Coral Reef LTER, package
knb-lter-mcr.5006, CC BY 4.0. It is published as a folder of photographs of about 2,000x2,000
pixels. Beside each, the file ``<photograph>.txt`` has a line ``row; column; label`` for each of 200
random points, after the line ``# Row; Col; Label``.

A sample is the crop around a point whose label is one of the nine classes of the paper; other
labels are rare corals and points beside the reef. Labels are compared without case, because both
are in use. The splits are made of photographs, because the crops of one overlap.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lemur_core.errors import CorruptSampleError, MissingDataError, PatternError
from lemur_core.kinds.loader import DataBundle, majority_share
from lemur_vision_cls.loaders.files import IMAGENET, ImageFiles, Paths
from lemur_vision_cls.loaders.groups import split_by_group
from lemur_vision_cls.loaders.listing import is_image, list_folder
from lemur_vision_cls.loaders.presence import damaged, require
from lemur_vision_cls.loaders.unpacked import innermost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Crustose coralline algae, turf algae, macroalgae and sand, then five genera of corals.
CLASSES = ("CCA", "Turf", "Macro", "Sand", "Acrop", "Pavon", "Monti", "Pocill", "Porit")
SIZE = 312
_LARGEST = 2000
_COLUMNS = 3
GET = "get it from https://doi.org/10.6073/pasta/88dde0e68ab5232a470389f4bedd1892 (images of 2008)"


class Crops:
    """Square crops of photographs, and their classes.

    Args:
        photographs: The photographs.
        points: Number of the photograph, row and column of the centre of each crop, int64, shape
            ``(samples, 3)``.
        targets: Class index of each crop, int64, shape ``(samples,)``.
        size: Height and width of the crops in pixels.
    """

    def __init__(self, photographs: ImageFiles, points: Tensor, targets: Tensor, size: int) -> None:
        self.photographs, self.points, self.targets, self.size = photographs, points, targets, size
        # Scoring reads the crops of one photograph after another.
        self._last: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        number, row, column = self.points[index].tolist()
        if self._last is None or self._last[0] != number:
            self._last = number, self.photographs[number][0]
        photograph = self._last[1]
        height, width = photograph.shape[1:]
        # It is not published whether rows and columns begin at 0 or 1.
        if row > height or column > width:
            raise CorruptSampleError(
                str(self.file(index)),
                f"its point {row}; {column} is outside of {height}x{width} pixels",
            )
        return crop(photograph, row, column, self.size), self.targets[index]

    def file(self, index: int) -> Path:
        """Return the path of a crop's photograph."""
        return self.photographs.file(int(self.points[index, 0]))

    def take(self, indices: Tensor) -> Crops:
        """Return a subset of the crops."""
        return Crops(self.photographs, self.points[indices], self.targets[indices], self.size)


def load(folder: Path, task: str, size: str = "") -> DataBundle:
    """Return the crops, uint8, shape ``(3, size, size)``, in splits that share no photograph.

    The test split has the crops of a fifth of the photographs, and the validation split those of a
    tenth of the others, always the same ones.

    Args:
        folder: The data folder.
        task: The task.
        size: Height and width of the crops in pixels; 312 if empty.

    Raises:
        MissingDataError: The photographs are not in ``mlc2008``, or one has no labels or damaged
            ones.
        PatternError: The size is not a number of pixels.
    """
    require("mlc2008", folder, ["mlc2008"], GET)
    root = innermost(folder / "mlc2008")
    names = [entry.name for entry in list_folder(root) if is_image(entry)]
    if not names:
        raise MissingDataError(f"dataset 'mlc2008': {root} has no image; {GET}")
    photographs = ImageFiles(root, names, [0] * len(names))
    crops = _crops(photographs, _edge(size))
    groups = [names[number] for number in crops.points[:, 0].tolist()]
    train, validation, test = map(
        crops.take, split_by_group(groups, torch.zeros(len(crops), dtype=torch.int64))
    )
    return DataBundle(
        train,
        test,
        out_shape=(len(CLASSES),),
        chance=majority_share(test.targets),
        normalisation=IMAGENET,
        validation=validation,
        class_names=CLASSES,
        files=Paths([photographs], [_labels(photographs.file(at)) for at in range(len(names))]),
    )


def crop(photograph: Tensor, row: int, column: int, size: int) -> Tensor:
    """Return the square around a point; beyond the edges, the photograph is mirrored.

    Args:
        photograph: uint8, shape ``(channels, height, width)``.
        row: Row of the centre, from 0.
        column: Column of the centre, from 0.
        size: Height and width of the square in pixels.
    """
    rows, columns = (
        _mirrored(centre - size // 2, size, length)
        for centre, length in zip((row, column), photograph.shape[1:], strict=True)
    )
    return photograph[:, rows][:, :, columns]


def _mirrored(start: int, count: int, length: int) -> Tensor:
    """Return the indices from ``start``, mirrored at the first and last index of an axis."""
    period = max(1, 2 * (length - 1))
    places = torch.arange(start, start + count) % period
    return torch.minimum(places, period - places)


def _edge(size: str) -> int:
    if not size:
        return SIZE
    if not size.isdecimal() or not 1 <= int(size) <= _LARGEST:
        raise PatternError(
            f"dataset 'mlc2008': size is {size!r}; expected a number of pixels, 1 to {_LARGEST}"
        )
    return int(size)


def _crops(photographs: ImageFiles, size: int) -> Crops:
    index = {name.casefold(): target for target, name in enumerate(CLASSES)}
    points, others = [], 0
    for number in range(len(photographs)):
        for row, column, label in _points(photographs.file(number)):
            target = index.get(label.casefold())
            if target is None:
                others += 1
            else:
                points.append((number, row, column, target))
    if not points:
        raise MissingDataError(
            f"dataset 'mlc2008': no point in {photographs.root} has one of the labels "
            f"{', '.join(CLASSES)}; {GET}"
        )
    if others:
        warnings.warn(
            f"dataset 'mlc2008': {others:,} points left out (other labels than the nine classes)",
            stacklevel=3,
        )
    table = torch.from_numpy(np.array(points, dtype=np.int64))
    return Crops(photographs, table[:, :3], table[:, 3], size)


def _points(photograph: Path) -> Iterator[tuple[int, int, str]]:
    file = _labels(photograph)
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise MissingDataError(
            f"dataset 'mlc2008': {file} cannot be read: {error.strerror}; {GET}"
        ) from error
    for line in lines:
        parts = [part.strip() for part in line.split(";")]
        if line.lstrip().startswith("#") or parts == [""]:
            continue
        if len(parts) != _COLUMNS or not all(part.isdecimal() for part in parts[:2]):
            raise damaged("mlc2008", file, f"{line[:40]!r} is not row; column; label")
        yield int(parts[0]), int(parts[1]), parts[2]


def _labels(photograph: Path) -> Path:
    return photograph.with_name(f"{photograph.name}.txt")
