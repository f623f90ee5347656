"""Stencils of the 1,797 handwritten digits, 8x8 pixels, that scikit-learn contains.

Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lemur_scenes.drawing.enlarging import ENLARGED, enlarge
from lemur_scenes.drawing.random_integers import Integers, RandomIntegers

CLASSES = 10
# The coverage of a pixel that is covered completely.
OPAQUE = 256
_TEST_SHARE = 5
# The value of a pixel is the number of set bits in a 4x4 block. Between these values, the coverage
# rises from none to full.
_FAINT, _FULL = 3, 11


@dataclass(frozen=True)
class Glyphs:
    """Digits to draw with.

    Attributes:
        images: The images, int64, shape ``(digits, 8, 8)``, 0 to 16.
        classes: Their classes, int64, shape ``(digits,)``, 0 to 9.
    """

    images: Integers
    classes: Integers

    def __len__(self) -> int:
        return len(self.classes)

    def stencil(self, index: int, side: int) -> Integers:
        """Return how much of each pixel a digit covers, 0 to `OPAQUE`, shape ``(side, side)``.

        Args:
            index: The index of the digit.
            side: The height and width in pixels, including margins of half an original pixel.
        """
        image = np.pad(self.images[index], 1)
        ink = enlarge(image * (OPAQUE // (_FULL - _FAINT)), side, side) // ENLARGED
        return np.clip(ink - _FAINT * OPAQUE // (_FULL - _FAINT), 0, OPAQUE)


def split_glyphs(seed: int) -> dict[str, Glyphs]:
    """Return a random fifth of each class as the split ``test``, the others as ``train``."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, classes = digits.images.astype(np.int64), digits.target.astype(np.int64)
    order = RandomIntegers(seed).order(len(classes))
    members = [order[classes[order] == digit] for digit in range(CLASSES)]
    parts = {
        "train": np.concatenate([indices[len(indices) // _TEST_SHARE :] for indices in members]),
        "test": np.concatenate([indices[: len(indices) // _TEST_SHARE] for indices in members]),
    }
    return {split: Glyphs(images[part], classes[part]) for split, part in parts.items()}
