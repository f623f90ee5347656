"""What data sets that torchvision reads have in common: photographs, masks, what they lack."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision import tv_tensors

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation

# Of ImageNet's training images, as backbones are published with.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Pillow raises any of these where the bytes are not what their format says.
_UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


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


@contextmanager
def decoding(file: Path) -> Iterator[None]:
    """Turn what is raised of a sample's file into one line.

    Raises:
        CorruptSampleError: It is not what its format says.
        MissingDataError: It cannot be read.
    """
    try:
        yield
    except (CorruptSampleError, MissingDataError):
        raise
    except UnidentifiedImageError as error:
        raise CorruptSampleError(str(file), "it is no image of a known format") from error
    except _UNDECODABLE as error:
        # What the system says has a number, what Pillow says has none.
        if isinstance(error, OSError) and error.errno is not None:
            raise MissingDataError(f"{file} cannot be read: {error.strerror}") from error
        raise CorruptSampleError(str(file), str(error) or type(error).__name__) from error


def read_photograph(file: Path) -> Tensor:
    """Return an image, uint8, shape ``(3, height, width)``."""
    with decoding(file), Image.open(file) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def read_classes(file: Path, table: Tensor, image: Tensor) -> tv_tensors.Mask:
    """Return the class of each pixel of an image, int64, shape ``(height, width)``.

    Args:
        file: A PNG whose values are 8 bits, grey or of a palette.
        table: The class of each value, int64, shape ``(256,)``, `IGNORED` where it does not
            count, below that where there is no such value.
        image: What it is of.

    Raises:
        CorruptSampleError: It has other values, or another size than the image.
    """
    with decoding(file), Image.open(file) as mask:
        if mask.mode not in ("L", "P"):
            raise CorruptSampleError(str(file), f"its mode is {mask.mode!r}; expected 'P' or 'L'")
        values = torch.from_numpy(np.array(mask))
    if values.shape != image.shape[1:]:
        sizes = (f"{width}x{height}" for height, width in (values.shape, image.shape[1:]))
        raise CorruptSampleError(str(file), "it is {} pixels, its image {}".format(*sizes))
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
