"""CelebA-Gender: 202,599 faces of celebrities, 178x218 pixels, by CelebA's attribute Male.

Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild, 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_vision_cls.loaders.files import ImageFiles, bundle
from lemur_vision_cls.loaders.presence import damaged, require

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

IMAGES = "img_align_celeba"
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
ATTRIBUTE = "Male"
# Without the attribute, and with it.
CLASSES = ("not male", "male")
# As the partition numbers them.
TRAIN, VALIDATION, TEST = "0", "1", "2"
GET = "get it from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def load(folder: Path, task: str) -> DataBundle:
    """Return 162,770 faces to train, 19,867 to validate and 19,962 to test, uint8.

    Class 1 has the attribute, class 0 has not; the splits are the official ones.

    Raises:
        MissingDataError: Its files are not in ``celeba``, or damaged.
    """
    place = folder / "celeba"
    require("celeba-gender", place, [IMAGES, ATTRIBUTES, PARTITION], GET)
    # Not by torchvision, which wants three more files of boxes, landmarks and persons.
    targets = _attribute(place / ATTRIBUTES)
    parts: dict[str, list[str]] = {TRAIN: [], VALIDATION: [], TEST: []}
    for name, part in _rows(place / PARTITION, 2):
        if part not in parts or name not in targets:
            raise damaged("celeba-gender", place / PARTITION, f"{name} is in part {part!r}")
        parts[part].append(name)
    train, validation, test = (_images(place, names, targets) for names in parts.values())
    labels = [place / ATTRIBUTES, place / PARTITION]
    return bundle(train, test, CLASSES, validation=validation, labels=labels)


def _images(place: Path, names: list[str], targets: dict[str, int]) -> ImageFiles:
    if not names:
        raise damaged("celeba-gender", place / PARTITION, "a split has no image")
    return ImageFiles(place / IMAGES, names, [targets[name] for name in names])


def _attribute(file: Path) -> dict[str, int]:
    """Return the classes by image; the file has a count, the attributes' names, then the rows."""
    with file.open() as lines:
        next(lines, None)
        names = next(lines, "").split()
    if ATTRIBUTE not in names:
        raise damaged("celeba-gender", file, f"its second line does not name {ATTRIBUTE}")
    column = names.index(ATTRIBUTE) + 1
    rows = _rows(file, len(names) + 1, skipped=2)
    wrong = next((row for row in rows if row[column] not in ("-1", "1")), None)
    if wrong:
        raise damaged("celeba-gender", file, f"{wrong[0]} has {wrong[column]}; expected -1 or 1")
    return {row[0]: int(row[column] == "1") for row in rows}


def _rows(file: Path, columns: int, skipped: int = 0) -> list[list[str]]:
    rows = [line.split() for line in file.read_text().splitlines()[skipped:]]
    short = next((row for row in rows if len(row) != columns), None)
    if short is not None:
        line = " ".join(short)[:40]
        raise damaged("celeba-gender", file, f"{line!r} is no line of {columns} columns")
    return rows
