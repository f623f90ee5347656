"""Image files to tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lemur_scenes.loaders.published import decoding


def read_image(file: Path) -> Tensor:
    """Return an image of any mode in RGB, uint8, shape ``(3, height, width)``.

    Its values lie pixel after pixel, as they are decoded: laying them out channel after channel
    would take a third as long as decoding, and resizing takes either.

    Raises:
        CorruptSampleError: It cannot be decoded.
        MissingDataError: It cannot be read.
    """
    with decoding(file), Image.open(file) as image:
        return torch.from_numpy(np.array(_colour(image))).permute(2, 0, 1)


def _colour(image: Image.Image) -> Image.Image:
    if image.mode == "P" and "transparency" in image.info:
        # Pillow warns of the transparency where it is not asked to keep it first.
        return image.convert("RGBA").convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
