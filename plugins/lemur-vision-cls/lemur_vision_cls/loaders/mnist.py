"""MNIST: 70,000 handwritten digits, 28x28 pixels.

LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, 1998.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lemur_core.errors import MissingDataError
from lemur_core.kinds.loader import DataBundle, InMemory, majority_share, normalisation_of
from lemur_vision_cls.loaders import idx

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SIZE, CLASSES = 28, 10
# Of the 10,000 images of mnist-10k.
TRAINED_SHARE = 0.8


def load(folder: Path, task: str) -> DataBundle:
    """Return MNIST, 60,000 images to train and 10,000 to test.

    Images are uint8, shape ``(1, 28, 28)``.

    Raises:
        MissingDataError: Files are not in ``folder`` or its ``mnist``, or are damaged.
    """
    _require("mnist", folder, (*TRAIN, *TEST))
    return _bundle(*_samples(folder, TRAIN), *_samples(folder, TEST))


def load_10k(folder: Path, task: str) -> DataBundle:
    """Return MNIST's 10,000 test images alone, 8,000 of them to train, the others to test.

    Raises:
        MissingDataError: Files are not in ``folder`` or its ``mnist``, or are damaged.
    """
    _require("mnist-10k", folder, TEST)
    images, targets = _samples(folder, TEST)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    train, test = order.tensor_split([round(TRAINED_SHARE * len(order))])
    return _bundle(images[train], targets[train], images[test], targets[test])


def _bundle(
    images: Tensor, targets: Tensor, test_images: Tensor, test_targets: Tensor
) -> DataBundle:
    return DataBundle(
        InMemory(images, targets),
        InMemory(test_images, test_targets),
        out_shape=(CLASSES,),
        chance=majority_share(test_targets),
        normalisation=normalisation_of(images),
    )


def _samples(folder: Path, names: tuple[str, str]) -> tuple[Tensor, Tensor]:
    files = [file for name in names if (file := _find(folder, name))]
    images, targets = map(idx.read, files)
    if images.ndim != 3 or targets.shape != images.shape[:1] or not len(targets):
        raise MissingDataError(
            f"{files[0]} and {files[1]} do not belong together: {list(images.shape)} images, "
            f"{list(targets.shape)} labels; fetch them again"
        )
    height, width = images.shape[1:]
    if (height, width) != (SIZE, SIZE):
        raise _foreign(files[0], f"images are {height}x{width}; expected {SIZE}x{SIZE}")
    if targets.max() >= CLASSES:
        raise _foreign(files[1], f"greatest label is {targets.max()}; expected 0 to {CLASSES - 1}")
    return images[:, None], targets.to(torch.int64)


def _foreign(file: Path, what: str) -> MissingDataError:
    return MissingDataError(f"{file} is not MNIST's: its {what}; fetch it again")


def _find(folder: Path, name: str) -> Path | None:
    return idx.find(folder / "mnist", name) or idx.find(folder, name)


def _require(dataset: str, folder: Path, names: tuple[str, ...]) -> None:
    missing = [name for name in names if _find(folder, name) is None]
    if missing:
        raise MissingDataError(
            f"data set {dataset!r}: {folder / 'mnist'} lacks {', '.join(missing)} (or .gz); "
            "get them from https://ossci-datasets.s3.amazonaws.com/mnist, "
            "or name their folder with --data"
        )
