"""Datasets of image files, which are decoded on access."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.images import read_image
from lemur_core.kinds.loader import DataBundle, majority_share, normalisation_of
from lemur_core.kinds.transform import Normalisation

# Statistics of ImageNet's training images, with which torchvision and timm publish their nets.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# With this many images, and pixels of each, the mean is accurate to a hundredth.
_DRAWN, _PIXELS = 256, 10_000
_SEED = 0
# Images of one colour have a standard deviation of 0, by which nothing can be divided.
_LEAST_STD = 1 / 255


class ImageFiles:
    """Images in files, and their classes.

    Args:
        root: The folder of all files.
        names: Paths of the files, relative to ``root``.
        targets: Class indices of the images.
        decode: Returns the image in a file, uint8, shape ``(channels, height, width)``.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        targets: Sequence[int] | Tensor,
        decode: Callable[[Path], Tensor] = read_image,
    ) -> None:
        self.root, self.decode = root, decode
        # One byte array stays shared between the loading processes. With a million objects, each
        # process would get its own copy, because reference counting writes to them.
        self.names = np.array([os.fsencode(name) for name in names])
        self.targets = torch.as_tensor(targets, dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        return self.decode(self.file(index)), self.targets[index]

    def file(self, index: int) -> Path:
        """Return the path of an image."""
        return self.root / os.fsdecode(bytes(self.names[index]))

    def take(self, indices: Tensor) -> ImageFiles:
        """Return a subset of the images."""
        subset = ImageFiles(self.root, (), self.targets[indices], self.decode)
        subset.names = self.names[indices.numpy()]
        return subset


class Paths(Sequence[Path]):
    """The paths of images and other files, created on access.

    A million paths would take hundreds of megabytes in each process.

    Args:
        images: The images.
        others: Files with labels.
    """

    def __init__(self, images: Sequence[ImageFiles], others: Sequence[Path] = ()) -> None:
        self._images, self._others = images, others

    def __len__(self) -> int:
        return len(self._others) + sum(map(len, self._images))

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Path]: ...

    def __getitem__(self, index: int | slice) -> Path | Sequence[Path]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        for images in self._images:
            if 0 <= index < len(images):
                return images.file(index)
            index -= len(images)
        return self._others[index]


def bundle(
    train: ImageFiles,
    test: ImageFiles,
    classes: Sequence[str],
    normalisation: Normalisation | None = None,
    validation: ImageFiles | None = None,
    labels: Sequence[Path] = (),
) -> DataBundle:
    """Return the dataset.

    Args:
        train: The training split.
        test: The test split.
        classes: Names of the classes.
        normalisation: Mean and standard deviation. None computes them from some training images.
        validation: The validation split, if there is one.
        labels: Files with labels, if there are any.
    """
    splits = [train, test] if validation is None else [train, validation, test]
    return DataBundle(
        train,
        test,
        out_shape=(len(classes),),
        chance=majority_share(test.targets),
        normalisation=normalisation or sampled_normalisation(train),
        validation=validation,
        class_names=tuple(map(_printable, classes)),
        files=Paths(splits, labels),
    )


def _printable(name: str) -> str:
    """Return a folder's name as storable text, with bytes that are not UTF-8 escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def sampled_normalisation(images: ImageFiles) -> Normalisation:
    """Return the mean and standard deviation of images that are drawn with a fixed seed.

    Each image has the same weight, whatever its size. Images that cannot be decoded are skipped.

    Raises:
        MissingDataError: None of the drawn images can be decoded.
    """
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(_SEED))
    samples, errors = [], []
    for index in order[:_DRAWN].tolist():
        try:
            pixels = images[index][0].flatten(1)
        except CorruptSampleError as error:
            errors.append(error)
        else:
            samples.append(pixels[:, :: max(1, pixels.shape[1] // _PIXELS)])
    if not samples:
        raise MissingDataError(
            f"{images.root}: none of the {len(errors)} images that were tried can be decoded; "
            f"the first is {errors[0].file}: {errors[0].reason}"
        )
    mean, std = normalisation_of(torch.cat(samples, 1)[None, :, :, None])
    return Normalisation(mean, tuple(max(deviation, _LEAST_STD) for deviation in std))
