"""Digits: 1,797 handwritten digits, 8x8 pixels, which are embedded in this plugin.

Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
CC BY 4.0; the part that scikit-learn distributes as ``load_digits``. The split into training and
test images is that of scikit-learn's ``train_test_split``, stratified, with a fifth for testing.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_core.kinds.loader import DataBundle, InMemory, majority_share, normalisation_of

if TYPE_CHECKING:
    from pathlib import Path

# Pixels are the number of set bits in a 4x4 block.
BRIGHTEST = 16


def load(folder: Path, task: str) -> DataBundle:
    """Return 1,437 training and 360 test images, stratified by class.

    Images are uint8, shape ``(1, 8, 8)``, 0 to 255.
    """
    with (files("lemur_vision_cls.loaders") / "digits.npz").open("rb") as file:
        digits = dict(np.load(file))
    images = torch.from_numpy(digits["images"] * (255 / BRIGHTEST)).round().to(torch.uint8)[:, None]
    targets = torch.from_numpy(digits["targets"]).to(torch.int64)
    train, test = (torch.from_numpy(digits[split].astype(np.int64)) for split in ("train", "test"))
    return DataBundle(
        InMemory(images[train], targets[train]),
        InMemory(images[test], targets[test]),
        out_shape=(10,),
        chance=majority_share(targets[test]),
        normalisation=normalisation_of(images[train]),
    )
