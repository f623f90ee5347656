"""One scene: digits at several scales on textured ground, some in front of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lemur_scenes.drawing.glyphs import OPAQUE, Glyphs
from lemur_scenes.drawing.ground import draw_ground

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lemur_scenes.drawing.draws import Draws, Whole

MOST_DIGITS = 8
# In pixels: below it digits cannot be told apart.
LEAST_SIDE = 14
# Sides of a digit with its margins, as shares of the scene's: 24 to 56 pixels of 128.
_SMALLEST, _LARGEST = (6, 32), (7, 16)
# Of each digit at least so much stays in sight.
_IN_SIGHT = (8, 10)
_PLACES, _INKS = 8, 16
# Each channel of an ink; grounds are darker.
_INK = 128, 255
# How bright red, green and blue are.
_BRIGHTNESS = np.array([2, 4, 1])


@dataclass(frozen=True)
class Scene:
    """A picture and the digits in it.

    Attributes:
        pixels: uint8, shape ``(size, size, 3)``.
        classes: The digits, 0 to 9, those behind first.
        owners: Which digit is seen at each pixel, its index in ``classes``, int64, shape
            ``(size, size)``; -1 where there is ground.
    """

    pixels: NDArray[np.uint8]
    classes: list[int]
    owners: Whole


def draw_scene(draws: Draws, glyphs: Glyphs, size: int) -> Scene:
    """Return a scene of one to `MOST_DIGITS` digits.

    Args:
        draws: Where its numbers come from.
        glyphs: The digits to choose from.
        size: Height and width, in pixels.
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


def _side(draws: Draws, size: int) -> int:
    smallest = max(LEAST_SIDE, size * _SMALLEST[0] // _SMALLEST[1])
    return draws.between(smallest, max(smallest, size * _LARGEST[0] // _LARGEST[1]))


class Canvas:
    """A ground, and the digits that were drawn on it.

    Attributes:
        picture: int64, shape ``(size, size, 3)``, 0 to 255.
        owners: As of a `Scene`.
        classes: As of a `Scene`.
    """

    def __init__(self, ground: Whole) -> None:
        self.picture = ground
        self.owners = np.full(ground.shape[:2], -1, np.int64)
        self.classes: list[int] = []
        self._areas = np.zeros(0, np.int64)
        self._inks: list[Whole] = []

    def add(self, window: tuple[slice, slice], stencil: Whole, inks: Whole) -> bool:
        """Draw a digit, unless it would hide too much of another; return whether it was drawn.

        Args:
            window: The rows and columns that the stencil lies on.
            stencil: How much of each pixel is covered, 0 to `OPAQUE`.
            inks: Colours to choose from, int64, shape ``(inks, 3)``.
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

    def _hides(self, window: tuple[slice, slice], owners: Whole) -> bool:
        count = len(self._areas)
        hidden = _areas(self.owners[window], count) - _areas(owners, count)
        left = _areas(self.owners, count) - hidden
        return bool((left * _IN_SIGHT[1] < self._areas * _IN_SIGHT[0]).any())

    def _contrasting(self, inks: Whole, ground: Whole) -> Whole:
        """Return the ink that differs most from what it lies on, and half as much from others."""
        others = np.stack([ground.sum(0) // len(ground), *self._inks])
        differences = np.abs(inks[:, None] - others) @ _BRIGHTNESS
        differences[:, 1:] *= 2
        best: Whole = inks[differences.min(1).argmax()]
        return best


def _areas(owners: Whole, count: int) -> Whole:
    return np.bincount(owners[owners >= 0], minlength=count)[:count]
