"""What data sets that torchvision reads have in common: photographs, masks, what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torchvision import tv_tensors

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.images import read_labels, stored_size
from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Of ImageNet's training images, as backbones are published with.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def require(dataset: str, folder: Path, names: Sequence[str]) -> None:
    """Raise `MissingDataError` where a data set lacks one of its files or folders.

    Args:
        dataset: Its name.
        folder: Where its files should be.
        names: Of the files and folders that it needs.
    """
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise MissingDataError(
            f"data set {dataset!r}: {folder} lacks {', '.join(missing)}; get it with --download, "
            "or say with --data where it is"
        )


def check_list(dataset: str, file: Path) -> None:
    """Raise `MissingDataError` where a split's list of images cannot be read, or is empty."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(dataset, file, str(error)) from error
    if not text.strip():
        raise damaged(dataset, file, "it lists no image")


def damaged(dataset: str, file: Path, what: str) -> MissingDataError:
    """Return the error of a file that is not what it should be."""
    return MissingDataError(
        f"data set {dataset!r}: {file} is damaged: {what}; remove it and get it again"
    )


def read_classes(file: Path, table: Tensor, photograph: Path, image: Tensor) -> tv_tensors.Mask:
    """Return the class of each pixel of an image, int64, shape ``(height, width)``.

    Args:
        file: A PNG whose values are 8 bits, grey or of a palette.
        table: The class of each value, int64, shape ``(256,)``, `IGNORED` where it does not
            count, below that where there is no such value.
        photograph: The file of the image.
        image: The image, shape ``(channels, height, width)``.

    Raises:
        CorruptSampleError: The mask has other values, or another size than the image.
    """
    values = read_labels(file)
    if values.shape != image.shape[1:]:
        sizes = (f"{width}x{height}" for height, width in (values.shape, image.shape[1:]))
        reason = "it is {} pixels, its image {}".format(*sizes)
        if stored_size(photograph) == values.shape:
            reason += (
                f" once turned upright by its EXIF orientation: remove the orientation from "
                f"{photograph.name}, or turn the mask"
            )
        raise CorruptSampleError(str(file), reason)
    classes = table[values.long()]
    if (unknown := values[classes < IGNORED]).numel():
        raise CorruptSampleError(str(file), f"its value {int(unknown[0])} is no class")
    return tv_tensors.Mask(classes)


def class_table(classes: dict[int, int]) -> Tensor:
    """Return the table of `read_classes`, of values and their classes."""
    table = torch.full((256,), IGNORED - 1)
    for value, one in classes.items():
        table[value] = one
    return table
