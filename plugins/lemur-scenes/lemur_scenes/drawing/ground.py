"""Textured backgrounds: noise of several octaves around a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lemur_scenes.drawing.enlarging import ENLARGED, enlarge

if TYPE_CHECKING:
    from lemur_scenes.drawing.random_integers import Integers, RandomIntegers

# For each octave: the number of cells along a side, and the amplitudes of brightness and channels.
_OCTAVES = ((2, 36, 16), (5, 24, 10), (12, 16, 6), (40, 12, 4))
# The range of colours, chosen so that adding noise rarely exceeds the range of pixel values.
_DARKEST, _BRIGHTEST = 32, 96


def draw_ground(draws: RandomIntegers, size: int) -> Integers:
    """Return a random background, int64, shape ``(size, size, 3)``, 0 to 255."""
    ground = np.zeros((size, size, 3), np.int32)
    for cells, brightness, colour in _OCTAVES:
        sides = (cells + 1, cells + 1)
        grid = draws.between(-brightness, brightness, (*sides, 1))
        grid = grid + draws.between(-colour, colour, (*sides, 3))
        ground += enlarge(grid, size, size)
    colour = draws.between(_DARKEST, _BRIGHTEST, (3,))
    pixels: Integers = np.clip(ground // ENLARGED + colour, 0, 255)
    return pixels
