"""CelebA-Gender: 202,599 faces of celebrities, 178x218 pixels, classified by the attribute Male.

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
# The classes: without the attribute, and with it.
CLASSES = ("not male", "male")
# The numbers of the splits in the partition file.
TRAIN, VALIDATION, TEST = "0", "1", "2"
GET = "get it from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def load(folder: Path, task: str) -> DataBundle:
    """Return 162,770 training, 19,867 validation and 19,962 test images, uint8.

    Images with the attribute are class 1, the others class 0. The splits are the official ones.

    Raises:
        MissingDataError: The files are not in ``celeba``, or are damaged.
    """
    root = folder / "celeba"
    require("celeba-gender", root, [IMAGES, ATTRIBUTES, PARTITION], GET)
    # Not with torchvision, which requires three more files: boxes, landmarks and identities.
    targets = _attribute(root / ATTRIBUTES)
    names_by_split: dict[str, list[str]] = {TRAIN: [], VALIDATION: [], TEST: []}
    for name, split in _rows(root / PARTITION, 2):
        if split not in names_by_split or name not in targets:
            raise damaged("celeba-gender", root / PARTITION, f"{name} is in split {split!r}")
        names_by_split[split].append(name)
    train, validation, test = (_images(root, names, targets) for names in names_by_split.values())
    labels = [root / ATTRIBUTES, root / PARTITION]
    return bundle(train, test, CLASSES, validation=validation, labels=labels)


def _images(root: Path, names: list[str], targets: dict[str, int]) -> ImageFiles:
    if not names:
        raise damaged("celeba-gender", root / PARTITION, "a split has no image")
    return ImageFiles(root / IMAGES, names, [targets[name] for name in names])


def _attribute(file: Path) -> dict[str, int]:
    """Return the class of each image.

    The file has a count, the names of the attributes, and then a row for each image.
    """
    with file.open() as lines:
        next(lines, None)
        names = next(lines, "").split()
    if ATTRIBUTE not in names:
        raise damaged("celeba-gender", file, f"its second line does not name {ATTRIBUTE}")
    column = names.index(ATTRIBUTE) + 1
    rows = _rows(file, len(names) + 1, skipped=2)
    invalid = next((row for row in rows if row[column] not in ("-1", "1")), None)
    if invalid:
        raise damaged(
            "celeba-gender", file, f"{invalid[0]} has {invalid[column]}; expected -1 or 1"
        )
    return {row[0]: int(row[column] == "1") for row in rows}


def _rows(file: Path, columns: int, skipped: int = 0) -> list[list[str]]:
    rows = [line.split() for line in file.read_text().splitlines()[skipped:]]
    bad_row = next((row for row in rows if len(row) != columns), None)
    if bad_row is not None:
        line = " ".join(bad_row)[:40]
        raise damaged("celeba-gender", file, f"{line!r} is not a line of {columns} columns")
    return rows
