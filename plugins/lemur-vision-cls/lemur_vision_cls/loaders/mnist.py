"""MNIST and Fashion-MNIST: 70,000 handwritten digits, 70,000 articles of clothing, 28x28 pixels.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, 1998.
Xiao, Rasul, Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms, 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from lemur_core.errors import FetchError, MissingDataError
from lemur_core.fetch import Progress, fetch
from lemur_vision_cls.loaders import idx
from lemur_vision_cls.loaders.in_memory import Split, bundle, checked
from lemur_vision_cls.loaders.presence import DOWNLOAD, damaged

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SIZE, CLASSES = 28, 10
# The fraction of training images in mnist-10k.
TRAIN_SHARE = 0.8


class Mnist(NamedTuple):
    """A loader of MNIST or Fashion-MNIST.

    Attributes:
        name: Name of the dataset.
        subfolder: Its folder.
        source: Its class in torchvision, whose folder is searched as well.
        bare: Whether its files may be in the data folder itself. The files of both datasets have
            the same names.
    """

    name: str
    subfolder: str
    source: str
    bare: bool = False

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 60,000 training and 10,000 test images, uint8, shape ``(1, 28, 28)``.

        Raises:
            MissingDataError: Files are in none of the folders, or are damaged.
        """
        self.require(folder, (*TRAIN, *TEST))
        return bundle(self.samples(folder, TRAIN), self.samples(folder, TEST), CLASSES)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download the missing files."""
        self.fetch(folder, (*TRAIN, *TEST), progress)

    def fetch(self, folder: Path, names: tuple[str, ...], progress: Progress) -> None:
        """Download the named files from the first mirror that has them."""
        from torchvision import datasets

        source = getattr(datasets, self.source)
        for archive, md5 in source.resources:
            if archive.removesuffix(".gz") in names:
                path = folder / self.subfolder / archive
                _fetch_from(
                    [f"{mirror}{archive}" for mirror in source.mirrors], path, md5, progress
                )

    def require(self, folder: Path, names: tuple[str, ...]) -> None:
        """Raise `MissingDataError` if files are missing."""
        missing = [name for name in names if self._find(folder, name) is None]
        if missing:
            raise MissingDataError(
                f"dataset {self.name!r}: {folder / self.subfolder} lacks {', '.join(missing)} "
                f"(or .gz); {DOWNLOAD}, or set --data to its folder"
            )

    def samples(self, folder: Path, names: tuple[str, str]) -> Split:
        """Return the images of one file with the labels of another."""
        images_file, targets_file = (self._find(folder, name) for name in names)
        assert images_file is not None
        assert targets_file is not None
        images, targets = idx.read(images_file), idx.read(targets_file)
        if images.ndim != 3 or targets.ndim != 1:
            shapes = f"its shape is {list(images.shape)}, that of its labels {list(targets.shape)}"
            raise damaged(self.name, images_file, shapes)
        split = (images[:, None], targets.to(torch.int64))
        return checked(self.name, images_file, split, SIZE, CLASSES, targets_file)

    def _find(self, folder: Path, name: str) -> Path | None:
        folders = [folder / self.subfolder, folder / self.source / "raw", *[folder] * self.bare]
        return next((file for parent in folders if (file := idx.find(parent, name))), None)


class Mnist10k(Mnist):
    """The loader of only MNIST's 10,000 test images."""

    def __call__(self, folder: Path, task: str) -> DataBundle:
        """Return 8,000 of them as training and 2,000 as test images.

        Raises:
            MissingDataError: Files are in none of the folders, or are damaged.
        """
        self.require(folder, TEST)
        images, targets = self.samples(folder, TEST)
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        train, test = order.tensor_split([round(TRAIN_SHARE * len(order))])
        return bundle((images[train], targets[train]), (images[test], targets[test]), CLASSES)

    def download(self, folder: Path, progress: Progress) -> None:
        """Download the missing files."""
        self.fetch(folder, TEST, progress)


def _fetch_from(urls: list[str], path: Path, md5: str, progress: Progress) -> None:
    errors = []
    for url in urls:
        try:
            fetch(url, path, md5=md5, progress=progress)
        except FetchError as error:
            errors.append(error)
        else:
            return
    raise errors[0]


load = Mnist("mnist", "mnist", "MNIST", bare=True)
load_fashion = Mnist("fashion-mnist", "fashion-mnist", "FashionMNIST")
load_10k = Mnist10k("mnist-10k", "mnist", "MNIST", bare=True)
