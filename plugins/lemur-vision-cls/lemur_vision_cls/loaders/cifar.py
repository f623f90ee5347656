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
    """A loader of CIFAR-10 or CIFAR-100.

    Attributes:
        name: Name of the dataset.
        source: Its class in torchvision, which reads the pickles and verifies their checksums.
        classes: Number of classes.
    """

    name: str
    source: str
    classes: int

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 50,000 training and 10,000 test images, uint8, shape ``(3, 32, 32)``.

        Raises:
            MissingDataError: The dataset's folder is missing or damaged.
        """
        require(self.name, folder, [self._torchvision().base_folder])
        train, test = (self._samples(folder, train=train) for train in (True, False))
        return bundle(train, test, self.classes)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download and unpack the archive."""
        source = self._torchvision()
        fetch_archive(source.url, folder, md5=source.tgz_md5, progress=progress)

    def _samples(self, folder: Path, *, train: bool) -> Split:
        source = self._torchvision()
        root = folder / source.base_folder
        with read_by_torchvision(self.name, root):
            images = source(folder, train=train)
        # The files store channels first; torchvision transposes only the view, so this is no extra
        # copy.
        pixels = torch.from_numpy(images.data.transpose(0, 3, 1, 2)).contiguous()
        split = (pixels, torch.tensor(images.targets))
        return checked(self.name, root, split, SIZE, self.classes)

    def _torchvision(self) -> Any:
        from torchvision import datasets

        return getattr(datasets, self.source)


cifar_10 = Cifar("cifar-10", "CIFAR10", 10)
cifar_100 = Cifar("cifar-100", "CIFAR100", 100)
