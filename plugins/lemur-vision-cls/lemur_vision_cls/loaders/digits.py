"""The 1,797 handwritten digits, 8x8 pixels, that scikit-learn brings along.

Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from pathlib import Path

import torch

from lemur_core.kinds.loader import DataBundle, InMemory, majority_share, normalisation_of

TEST_SHARE = 0.2
# Pixels are counts of 4x4 bits that are set.
BRIGHTEST = 16


def load(folder: Path, task: str) -> DataBundle:
    """Return the digits, 1,437 to train and 360 to test, as many of each class as can be.

    Images are uint8, shape ``(1, 8, 8)``, 0 to 255.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = torch.from_numpy(digits.images * (255 / BRIGHTEST)).round().to(torch.uint8)[:, None]
    targets = torch.from_numpy(digits.target).to(torch.int64)
    train, test = train_test_split(
        range(len(targets)), test_size=TEST_SHARE, random_state=0, stratify=digits.target
    )
    return DataBundle(
        InMemory(images[train], targets[train]),
        InMemory(images[test], targets[test]),
        out_shape=(10,),
        chance=majority_share(targets[test]),
        normalisation=normalisation_of(images[train]),
    )
