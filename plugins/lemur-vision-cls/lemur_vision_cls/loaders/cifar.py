"""CIFAR-10 and CIFAR-100: 60,000 photographs, 32x32 pixels, of 10 and 100 classes.

Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lemur_core.fetch import Progress, fetch_archive
from lemur_vision_cls.loaders.in_memory import Split, bundle, checked
from lemur_vision_cls.loaders.presence import read_by_torchvision, require

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

SIZE = 32


class Cifar(NamedTuple):
    """The loader of one of them.

    Attributes:
        name: Its name.
        source: Its class in torchvision, which reads it: pickles, and only those of its checksums.
        classes: How many there are.
    """

    name: str
    source: str
    classes: int

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 50,000 images to train and 10,000 to test, uint8, shape ``(3, 32, 32)``.

        Raises:
            MissingDataError: Its folder is not there, or damaged.
        """
        require(self.name, folder, [self._torchvision().base_folder])
        train, test = (self._samples(folder, train=train) for train in (True, False))
        return bundle(train, test, self.classes)

    def download(self, folder: Path, progress: Progress) -> None:
        """Fetch the archive and unpack it."""
        source = self._torchvision()
        fetch_archive(source.url, folder, md5=source.tgz_md5, progress=progress)

    def _samples(self, folder: Path, *, train: bool) -> Split:
        source = self._torchvision()
        place = folder / source.base_folder
        with read_by_torchvision(self.name, place):
            images = source(folder, train=train)
        # The files hold channels first; torchvision shows them last without moving a byte.
        pixels = torch.from_numpy(images.data.transpose(0, 3, 1, 2)).contiguous()
        split = (pixels, torch.tensor(images.targets))
        return checked(self.name, place, split, SIZE, self.classes)

    def _torchvision(self) -> Any:
        from torchvision import datasets

        return getattr(datasets, self.source)


cifar_10 = Cifar("cifar-10", "CIFAR10", 10)
cifar_100 = Cifar("cifar-100", "CIFAR100", 100)
