"""Data sets whose images are files, decoded when they are asked for."""

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

# Of ImageNet's training images, as the nets of torchvision and timm are published with.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# So many images, and pixels of each, tell the mean to a hundredth.
_DRAWN, _PIXELS = 256, 10_000
_SEED = 0
# A set of one colour has no deviation, and must not be divided by it.
_LEAST_STD = 1 / 255


class ImageFiles:
    """Images in files, and their classes.

    Args:
        root: The folder of all.
        names: Of the files, from there.
        targets: Their class indices.
        decode: From a file to its image, uint8, shape ``(channels, height, width)``.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        targets: Sequence[int] | Tensor,
        decode: Callable[[Path], Tensor] = read_image,
    ) -> None:
        self.root, self.decode = root, decode
        # One array of bytes stays shared by the processes that load; of a million objects, each
        # process would come to have its own, as counting who refers to an object writes to it.
        self.names = np.array([os.fsencode(name) for name in names])
        self.targets = torch.as_tensor(targets, dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        return self.decode(self.file(index)), self.targets[index]

    def file(self, index: int) -> Path:
        """Return the file of an image."""
        return self.root / os.fsdecode(bytes(self.names[index]))

    def take(self, indices: Tensor) -> ImageFiles:
        """Return some of the images."""
        taken = ImageFiles(self.root, (), self.targets[indices], self.decode)
        taken.names = self.names[indices.numpy()]
        return taken


class Paths(Sequence[Path]):
    """The paths of images and other files, each made when it is asked for.

    A million paths would take hundreds of megabytes in each process.

    Args:
        images: The images.
        others: Files that hold their labels.
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
            return [self[one] for one in range(*index.indices(len(self)))]
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
    """Return the data set.

    Args:
        train: The training split.
        test: The test split.
        classes: Their names.
        normalisation: None takes that of some training images.
        validation: The validation split, if there is one.
        labels: Files that hold the labels, if there are any.
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
    """Return a folder's name as text that can be recorded: bytes that are no UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def sampled_normalisation(images: ImageFiles) -> Normalisation:
    """Return the mean and standard deviation of some images, drawn from a seed.

    Each counts alike, whatever its size; those that cannot be decoded are passed over.

    Raises:
        MissingDataError: None can be decoded.
    """
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(_SEED))
    drawn, errors = [], []
    for index in order[:_DRAWN].tolist():
        try:
            pixels = images[index][0].flatten(1)
        except CorruptSampleError as error:
            errors.append(error)
        else:
            drawn.append(pixels[:, :: max(1, pixels.shape[1] // _PIXELS)])
    if not drawn:
        raise MissingDataError(
            f"{images.root}: none of the {len(errors)} images looked at can be decoded, "
            f"{errors[0].file} the first of them: {errors[0].reason}"
        )
    mean, std = normalisation_of(torch.cat(drawn, 1)[None, :, :, None])
    return Normalisation(mean, tuple(max(one, _LEAST_STD) for one in std))
