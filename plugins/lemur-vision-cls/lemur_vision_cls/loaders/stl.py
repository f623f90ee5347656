"""STL-10: 13,000 labelled photographs, 96x96 pixels, of 10 classes.

Coates, Lee, Ng: An Analysis of Single-Layer Networks in Unsupervised Feature Learning, 2011.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_core.fetch import Progress, fetch_archive
from lemur_vision_cls.loaders.in_memory import Split, bundle, checked
from lemur_vision_cls.loaders.presence import damaged, require

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

SIZE, CLASSES = 96, 10
TRAIN, TEST = ("train_X.bin", "train_y.bin"), ("test_X.bin", "test_y.bin")


class Stl10:
    """The loader of STL-10."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 5,000 training and 8,000 test images, uint8, shape ``(3, 96, 96)``.

        Raises:
            MissingDataError: The files are not in ``stl10_binary``, or are damaged.
        """
        root = folder / "stl10_binary"
        require("stl-10", root, [*TRAIN, *TEST])
        return bundle(_samples(root, *TRAIN), _samples(root, *TEST), CLASSES)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack the archive."""
        from torchvision.datasets import STL10

        fetch_archive(STL10.url, folder, md5=STL10.tgz_md5, progress=progress)


def _samples(folder: Path, images_name: str, labels_name: str) -> Split:
    # Not with torchvision, which also requires the 2.6 GiB of unlabelled images and verifies their
    # checksum each time.
    file, labels_file = folder / images_name, folder / labels_name
    pixels = np.fromfile(file, np.uint8)
    if pixels.size % (3 * SIZE * SIZE):
        raise damaged("stl-10", file, f"{pixels.size} bytes are not a whole number of images")
    # Images are stored column by column.
    columns = torch.from_numpy(pixels).reshape(-1, 3, SIZE, SIZE)
    labels = torch.from_numpy(np.fromfile(labels_file, np.uint8)).to(torch.int64)
    split = (columns.mT.contiguous(), labels - 1)
    return checked("stl-10", file, split, SIZE, CLASSES, labels_file)


load = Stl10()
