"""HAM10000: 10,015 photographs of 7,470 skin lesions, 600x450 pixels, 7 diagnoses.

Tschandl, Rosendahl, Kittler: The HAM10000 dataset, a large collection of multi-source dermatoscopic
images of common pigmented skin lesions, Scientific Data 5, 2018; Harvard Dataverse DBW86T,
CC BY-NC 4.0. It is published as two folders of images and the table ``HAM10000_metadata``, which
Kaggle calls ``HAM10000_metadata.csv``. Its columns ``lesion_id``, ``image_id`` and ``dx`` are used.

There is no split. Many lesions were photographed several times, so the splits are made of lesions:
otherwise, a net would be tested on lesions that it was trained on.
"""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders.files import ImageFiles, bundle
from lemur_vision_cls.loaders.groups import split_by_group
from lemur_vision_cls.loaders.left_out import some
from lemur_vision_cls.loaders.listing import class_folders, is_image, list_folder
from lemur_vision_cls.loaders.presence import damaged, require

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

TABLES = ("HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab")
# Actinic keratoses, basal cell carcinoma, benign keratosis, dermatofibroma, melanoma, naevus and
# vascular lesion.
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
# Columns of the table, by which its rows are sorted.
ORDER = ("image_id", "lesion_id", "dx")
GET = "get it from https://doi.org/10.7910/DVN/DBW86T"


def load(folder: Path, task: str) -> DataBundle:
    """Return the images, uint8, shape ``(3, 450, 600)``, in splits that share no lesion.

    The test images are those of a fifth of the lesions of each diagnosis, and the validation images
    those of a tenth of the others, always the same ones.

    Raises:
        MissingDataError: The table or images are not in ``ham10000``, or the table is damaged.
    """
    root = folder / "ham10000"
    table = next((root / name for name in TABLES if (root / name).is_file()), None)
    if table is None:
        require("ham10000", root, TABLES[:1], GET)
    assert table is not None
    lesions, names, diagnoses = _rows(table)
    images = ImageFiles(root, _paths(root, names), [CLASSES.index(name) for name in diagnoses])
    train, validation, test = map(images.take, split_by_group(lesions, images.targets))
    return bundle(train, test, CLASSES, validation=validation, labels=[table])


def _rows(table: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the lesion, image and diagnosis of each row; the images are sorted.

    Dataverse gives the table with commas or, as its own format, with tabs and quotes.
    """
    with table.open(encoding="utf-8-sig", newline="") as lines:
        separator = "\t" if "\t" in lines.readline() else ","
        lines.seek(0)
        rows = list(csv.DictReader(lines, delimiter=separator))
    if not rows or not {*ORDER} <= {*rows[0]}:
        raise damaged("ham10000", table, f"expected rows with the columns {', '.join(ORDER)}")
    parts = sorted({tuple(row[name] or "" for name in ORDER) for row in rows})
    for image, lesion, diagnosis in parts:
        if diagnosis not in CLASSES or not lesion or not image:
            raise damaged("ham10000", table, f"the diagnosis of {image!r} is {diagnosis!r}")
    images, lesions, diagnoses = (list(column) for column in zip(*parts, strict=True))
    if len({*images}) < len(images):
        twice = next(name for name in images if images.count(name) > 1)
        raise damaged("ham10000", table, f"{twice!r} has two diagnoses or lesions")
    return lesions, images, diagnoses


def _paths(root: Path, images: list[str]) -> list[str]:
    """Return the paths of images, which are in any folder of ``root``, or in it."""
    places = ["", *class_folders(root).values()]
    files = {
        os.path.splitext(entry.name)[0]: os.path.join(place, entry.name)
        for place in places
        for entry in list_folder(root / place)
        if is_image(entry)
    }
    missing = [image for image in images if image not in files]
    if missing:
        raise MissingDataError(
            f"dataset 'ham10000': {root} lacks {len(missing)} of {len(images)} images: "
            f"{some(missing)}; {GET}, and unpack both archives of images there"
        )
    return [files[image] for image in images]
