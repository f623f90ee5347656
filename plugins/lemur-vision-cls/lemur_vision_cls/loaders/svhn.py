"""SVHN: 99,289 digits cut out of photographs of house numbers, 32x32 pixels.

Netzer, Wang, Coates, Bissacco, Wu, Ng: Reading Digits in Natural Images with Unsupervised Feature
Learning, 2011.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lemur_core.fetch import Progress, fetch
from lemur_vision_cls.loaders.in_memory import Split, bundle, checked
from lemur_vision_cls.loaders.presence import read_by_torchvision, require

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

SIZE, CLASSES = 32, 10
SPLITS = ("train", "test")


class Svhn:
    """The loader of SVHN."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 73,257 training and 26,032 test images, uint8, shape ``(3, 32, 32)``.

        Class 0 is the digit 0. The third split, 531,131 easier images, is not used.

        Raises:
            MissingDataError: The files are not in ``svhn``, or are damaged.
        """
        require("svhn", folder / "svhn", [name for _, name, _ in _files()])
        train, test = (_samples(folder / "svhn", split) for split in SPLITS)
        return bundle(train, test, CLASSES)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download the two files."""
        for url, name, md5 in _files():
            fetch(url, folder / "svhn" / name, md5=md5, progress=progress)


def _samples(folder: Path, split: str) -> Split:
    from torchvision.datasets import SVHN

    with read_by_torchvision("svhn", folder):
        images = SVHN(folder, split)
    # In the file the first index is the fastest; in torch it is the last one.
    pixels = torch.from_numpy(images.data).contiguous()
    samples = (pixels, torch.from_numpy(images.labels))
    return checked("svhn", folder / images.filename, samples, SIZE, CLASSES)


def _files() -> list[tuple[str, str, str]]:
    from torchvision.datasets import SVHN

    return [tuple(SVHN.split_list[split]) for split in SPLITS]


load = Svhn()
