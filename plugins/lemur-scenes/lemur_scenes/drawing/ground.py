"""Textured ground: noise of several octaves around a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lemur_scenes.drawing.enlarging import ENLARGED, enlarge

if TYPE_CHECKING:
    from lemur_scenes.drawing.draws import Draws, Whole

# Cells along a side, and how far from the colour they go: in brightness, and in each channel.
_OCTAVES = ((2, 36, 16), (5, 24, 10), (12, 16, 6), (40, 12, 4))
# So that what is added seldom is cut off.
_DARKEST, _BRIGHTEST = 32, 96


def draw_ground(draws: Draws, size: int) -> Whole:
    """Return a ground, int64, shape ``(size, size, 3)``, 0 to 255."""
    ground = np.zeros((size, size, 3), np.int32)
    for cells, brightness, colour in _OCTAVES:
        sides = (cells + 1, cells + 1)
        grid = draws.between(-brightness, brightness, (*sides, 1))
        grid = grid + draws.between(-colour, colour, (*sides, 3))
        ground += enlarge(grid, size, size)
    colour = draws.between(_DARKEST, _BRIGHTEST, (3,))
    return np.clip(ground // ENLARGED + colour, 0, 255)
