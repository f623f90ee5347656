"""Concrete: 40,000 photographs of concrete with and without cracks, 227x227 pixels.

Özgenel: Concrete Crack Images for Classification, Mendeley Data 5y9wdsg2zt, version 2, 2019,
CC BY 4.0. It is published as the folders ``Negative`` and ``Positive``, without a split. The images
are cut from 458 photographs, and it is not published which ones from which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_vision_cls.loaders.files import bundle
from lemur_vision_cls.loaders.groups import TEST_SHARE
from lemur_vision_cls.loaders.tree import split_by_class
from lemur_vision_cls.loaders.unpacked import read_classes

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

CLASSES = ("Negative", "Positive")
GET = "get it from https://data.mendeley.com/datasets/5y9wdsg2zt/2"


def load(folder: Path, task: str) -> DataBundle:
    """Return 32,000 training and 8,000 test images, uint8, shape ``(3, 227, 227)``.

    The test images are a fifth of each class, always the same ones.

    Raises:
        MissingDataError: The class folders are not in ``concrete``.
    """
    images = read_classes("concrete", folder / "concrete", CLASSES, GET)
    return bundle(*split_by_class(images, TEST_SHARE), CLASSES)
