"""Read the idx files of MNIST and similar datasets, compressed with gzip or not.

The format: two zero bytes, a byte for the type (8 is unsigned bytes), a byte for the number of
dimensions, each dimension as a big-endian 32-bit integer, then the values, the last index fastest.
"""

from __future__ import annotations

import gzip
import math
import zlib
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lemur_core.errors import MissingDataError

if TYPE_CHECKING:
    from pathlib import Path

_UNSIGNED_BYTES = 8


def find(folder: Path, name: str) -> Path | None:
    """Return the path of a file in a folder, with or without ``.gz``; None if it does not exist."""
    paths = (folder / name, folder / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def read(path: Path) -> Tensor:
    """Return the values of a file, uint8, in the shape given in its header.

    Raises:
        MissingDataError: The file is damaged, or its type or length is wrong.
    """
    content = _content(path)
    has_type = len(content) > 3 and content[:3] == bytes((0, 0, _UNSIGNED_BYTES))
    dimensions = content[3] if has_type else 0
    header = 4 + 4 * dimensions
    shape = [int.from_bytes(content[offset : offset + 4]) for offset in range(4, header, 4)]
    # The header is checked first: missing dimensions of a truncated one read as 0.
    if not shape or len(content) < header or len(content) - header != math.prod(shape):
        raise MissingDataError(
            f"{path} is damaged: expected an idx file of unsigned bytes with all of its values; "
            "fetch it again"
        )
    values = np.frombuffer(content, np.uint8, offset=header)
    return torch.from_numpy(values.copy()).reshape(shape)


def _content(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise MissingDataError(f"{path} cannot be read: {error}; fetch it again") from error
