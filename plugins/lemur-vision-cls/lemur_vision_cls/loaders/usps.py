"""USPS: 9,298 digits scanned from envelopes, 16x16 pixels.

Hull: A Database for Handwritten Text Recognition Research, 1994; as published by libsvm.
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

SIZE, CLASSES = 16, 10


class Usps:
    """The loader of USPS."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 7,291 training and 2,007 test images, uint8, shape ``(1, 16, 16)``.

        Raises:
            MissingDataError: The files are not in ``usps``, or are damaged.
        """
        require("usps", folder / "usps", [name for _, name, _ in _files()])
        train, test = (_samples(folder / "usps", train=train) for train in (True, False))
        return bundle(train, test, CLASSES)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download the two files."""
        for url, name, md5 in _files():
            fetch(url, folder / "usps" / name, md5=md5, progress=progress)


def _samples(folder: Path, *, train: bool) -> Split:
    from torchvision.datasets import USPS

    file = folder / USPS.split_list["train" if train else "test"][1]
    with read_by_torchvision("usps", file):
        images = USPS(folder, train=train)
    samples = (torch.from_numpy(images.data)[:, None], torch.tensor(images.targets))
    return checked("usps", file, samples, SIZE, CLASSES)


def _files() -> list[tuple[str, str, str]]:
    from torchvision.datasets import USPS

    return [tuple(USPS.split_list[split]) for split in ("train", "test")]


load = Usps()
