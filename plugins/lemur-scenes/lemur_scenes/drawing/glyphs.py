"""The 1,797 handwritten digits, 8x8 pixels, that scikit-learn brings along, as stencils.

Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lemur_scenes.drawing.draws import Draws, Whole
from lemur_scenes.drawing.enlarging import ENLARGED, enlarge

CLASSES = 10
# Of the ink that covers a pixel.
OPAQUE = 256
_TEST_SHARE = 5
# Pixels are counts of 4x4 bits that are set. An edge goes from none to full between these counts.
_FAINT, _FULL = 3, 11


@dataclass(frozen=True)
class Glyphs:
    """Digits to draw with.

    Attributes:
        images: int64, shape ``(digits, 8, 8)``, 0 to 16.
        classes: What each is, int64, shape ``(digits,)``, 0 to 9.
    """

    images: Whole
    classes: Whole

    def __len__(self) -> int:
        return len(self.classes)

    def stencil(self, index: int, side: int) -> Whole:
        """Return how much of each pixel a digit covers, 0 to `OPAQUE`.

        Args:
            index: Which digit.
            side: Height and width, in pixels; its margins are half a pixel of the original.
        """
        image = np.pad(self.images[index], 1)
        ink = enlarge(image * (OPAQUE // (_FULL - _FAINT)), side, side) // ENLARGED
        return np.clip(ink - _FAINT * OPAQUE // (_FULL - _FAINT), 0, OPAQUE)


def split_glyphs(seed: int) -> dict[str, Glyphs]:
    """Return four fifths of each class to train, the others to test."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, classes = digits.images.astype(np.int64), digits.target.astype(np.int64)
    order = Draws(seed).order(len(classes))
    members = [order[classes[order] == one] for one in range(CLASSES)]
    parts = {
        "train": np.concatenate([one[len(one) // _TEST_SHARE :] for one in members]),
        "test": np.concatenate([one[: len(one) // _TEST_SHARE] for one in members]),
    }
    return {split: Glyphs(images[part], classes[part]) for split, part in parts.items()}
