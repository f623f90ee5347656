"""Draw a scene: digits of different sizes on a textured background, some of them overlapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lemur_scenes.drawing.glyphs import OPAQUE, Glyphs
from lemur_scenes.drawing.ground import draw_ground

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lemur_scenes.drawing.random_integers import Integers, RandomIntegers

MOST_DIGITS = 8
# In pixels; smaller digits cannot be distinguished.
LEAST_SIDE = 14
# The smallest and largest side of a digit with margins, as fractions of the side of the scene: 24
# to 56 pixels of 128.
_SMALLEST, _LARGEST = (6, 32), (7, 16)
# The least visible share of each digit, as a fraction.
_IN_SIGHT = (8, 10)
# The numbers of random positions and colours that are tried for each digit.
_PLACES, _INKS = 8, 16
# The range of each channel of a digit's colour; backgrounds are darker.
_INK = 128, 255
# The brightness of red, green and blue.
_BRIGHTNESS = np.array([2, 4, 1])


@dataclass(frozen=True)
class Scene:
    """An image and the digits in it.

    Attributes:
        pixels: The image, uint8, shape ``(size, size, 3)``.
        classes: The digits, 0 to 9, from back to front.
        owners: The index in ``classes`` of the digit that is visible at each pixel, int64, shape
            ``(size, size)``; -1 for the background.
    """

    pixels: NDArray[np.uint8]
    classes: list[int]
    owners: Integers


def draw_scene(draws: RandomIntegers, glyphs: Glyphs, size: int) -> Scene:
    """Return a scene of one to `MOST_DIGITS` digits.

    Args:
        draws: The random integers.
        glyphs: The digits to choose from.
        size: The height and width of the scene, in pixels.
    """
    canvas = Canvas(draw_ground(draws, size))
    for _ in range(draws.between(1, MOST_DIGITS)):
        digit, side = draws.below(len(glyphs)), _side(draws, size)
        stencil = glyphs.stencil(digit, side)
        inks = draws.between(*_INK, (_INKS, 3))
        for top, left in draws.below(size - side + 1, (_PLACES, 2)).tolist():
            window = (slice(top, top + side), slice(left, left + side))
            if canvas.add(window, stencil, inks):
                canvas.classes.append(int(glyphs.classes[digit]))
                break
    return Scene(canvas.picture.astype(np.uint8), canvas.classes, canvas.owners)


def _side(draws: RandomIntegers, size: int) -> int:
    smallest = max(LEAST_SIDE, size * _SMALLEST[0] // _SMALLEST[1])
    side: int = draws.between(smallest, max(smallest, size * _LARGEST[0] // _LARGEST[1]))
    return side


class Canvas:
    """A background and the digits that have been drawn on it.

    Attributes:
        picture: The image, int64, shape ``(size, size, 3)``, 0 to 255.
        owners: See `Scene`.
        classes: See `Scene`.
    """

    def __init__(self, ground: Integers) -> None:
        self.picture = ground
        self.owners = np.full(ground.shape[:2], -1, np.int64)
        self.classes: list[int] = []
        self._areas = np.zeros(0, np.int64)
        self._inks: list[Integers] = []

    def add(self, window: tuple[slice, slice], stencil: Integers, inks: Integers) -> bool:
        """Draw a digit, unless it would hide too much of another one.

        Args:
            window: The rows and columns of the stencil.
            stencil: How much of each pixel is covered, 0 to `OPAQUE`.
            inks: The colours to choose from, int64, shape ``(inks, 3)``.

        Returns:
            Whether the digit was drawn.
        """
        covered = 2 * stencil >= OPAQUE
        owners = np.where(covered, len(self._areas), self.owners[window])
        if self._hides(window, owners):
            return False
        self._areas = np.append(self._areas, covered.sum())
        self.owners[window] = owners
        picture = self.picture[window]
        ink = self._contrasting(inks, picture[covered])
        self._inks.append(ink)
        self.picture[window] = picture + (ink - picture) * stencil[..., None] // OPAQUE
        return True

    def _hides(self, window: tuple[slice, slice], owners: Integers) -> bool:
        count = len(self._areas)
        hidden = _areas(self.owners[window], count) - _areas(owners, count)
        visible = _areas(self.owners, count) - hidden
        return bool((visible * _IN_SIGHT[1] < self._areas * _IN_SIGHT[0]).any())

    def _contrasting(self, inks: Integers, ground: Integers) -> Integers:
        """Return the colour with the greatest contrast.

        The contrast is the least of the difference from the mean of the covered pixels and of twice
        the differences from the colours of other digits.
        """
        others = np.stack([ground.sum(0) // len(ground), *self._inks])
        differences = np.abs(inks[:, None] - others) @ _BRIGHTNESS
        differences[:, 1:] *= 2
        best: Integers = inks[differences.min(1).argmax()]
        return best


def _areas(owners: Integers, count: int) -> Integers:
    return np.bincount(owners[owners >= 0], minlength=count)[:count]
