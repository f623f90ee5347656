"""Whole numbers drawn from a seed, the same on every platform and with every numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]


class Draws:
    """Numbers drawn one after another.

    numpy promises the bits of its generators to stay the same, but not what it makes of them.

    Args:
        seed: Whole numbers from 0; others give other draws.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def below(self, limit: int, shape: tuple[int, ...] = ()) -> Any:
        """Return numbers from 0 to ``limit - 1``, int64 of this shape; one int where it has none.

        Args:
            limit: From 1 to 2**32.
            shape: How many are drawn.
        """
        drawn = self._bits.random_raw(int(np.prod(shape, dtype=np.int64)))
        # The 32 upper bits of each are a fraction; odds differ by limit / 2**32 at most.
        scaled = ((drawn >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)
        return scaled.astype(np.int64).reshape(shape) if shape else int(scaled[0])

    def between(self, low: int, high: int, shape: tuple[int, ...] = ()) -> Any:
        """Return numbers from ``low`` to ``high``, both included, as `below` does."""
        return low + self.below(high - low + 1, shape)

    def order(self, count: int) -> Whole:
        """Return the numbers from 0 to ``count - 1`` in an order that is drawn."""
        return np.argsort(self._bits.random_raw(count), kind="stable").astype(np.int64)
