"""Insects: 63,364 photographs of ground beetles, 291 species of the British Isles.

Hansen et al.: Species-level image classification with convolutional neural network enables insect
identification from habitus images, Ecology and Evolution 10, 2020; the collection of the Natural
History Museum, London. It is published (Zenodo 3549369) as one folder per species, whose name is
the number of the species at GBIF, without a split. Its terms are stated there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_vision_cls.loaders.files import bundle
from lemur_vision_cls.loaders.groups import TEST_SHARE
from lemur_vision_cls.loaders.presence import require
from lemur_vision_cls.loaders.tree import expect_classes, read_tree, split_by_class
from lemur_vision_cls.loaders.unpacked import innermost

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

CLASSES = 291
GET = "get it from https://zenodo.org/records/3549369"


def load(folder: Path, task: str) -> DataBundle:
    """Return four fifths of the images of each species to train on, the others to test on.

    Images are uint8 and of any size.

    Raises:
        MissingDataError: The class folders are not in ``insects``.
    """
    require("insects", folder, ["insects"], GET)
    root = innermost(folder / "insects")
    classes = expect_classes("insects", root, CLASSES)
    return bundle(*split_by_class(read_tree("insects", root, classes), TEST_SHARE), classes)
