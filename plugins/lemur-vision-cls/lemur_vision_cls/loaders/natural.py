"""Natural: 17,034 labelled photographs of 6 kinds of scenes, 150x150 pixels with few exceptions.

Intel's competition of image classification, 2018, published on Kaggle (puneet6060) for research. It
has folders ``seg_train`` and ``seg_test``, each with a folder of the same name in it, which has a
folder per class. The 7,301 images in ``seg_pred`` have no labels and are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_vision_cls.loaders.files import bundle
from lemur_vision_cls.loaders.presence import require
from lemur_vision_cls.loaders.unpacked import read_classes

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

CLASSES = ("buildings", "forest", "glacier", "mountain", "sea", "street")
SPLITS = ("seg_train", "seg_test")
GET = "get it from https://www.kaggle.com/datasets/puneet6060/intel-image-classification"


def load(folder: Path, task: str) -> DataBundle:
    """Return 14,034 training and 3,000 test images, uint8, of any size.

    Raises:
        MissingDataError: The folders are not in ``natural``.
    """
    root = folder / "natural"
    require("natural", root, SPLITS, GET)
    train, test = (read_classes("natural", root / split, CLASSES, GET) for split in SPLITS)
    return bundle(train, test, CLASSES)
