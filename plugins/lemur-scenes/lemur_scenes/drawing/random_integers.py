"""Random integers from a seed, identical on every platform and with every version of numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class RandomIntegers:
    """A generator of random integers.

    numpy guarantees that the bits of its generators never change, but not the numbers that it
    computes from them.

    Args:
        seed: Non-negative integers.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def below(self, limit: int, shape: tuple[int, ...] = ()) -> Any:
        """Return integers from 0 to ``limit - 1``.

        Args:
            limit: The number of possible values, 1 to 2**32.
            shape: The shape of the result, int64; an empty shape returns a single int.
        """
        bits = self._bits.random_raw(int(np.prod(shape, dtype=np.int64)))
        # The upper 32 bits are a fraction; probabilities differ by at most limit / 2**32.
        scaled = ((bits >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)
        return scaled.astype(np.int64).reshape(shape) if shape else int(scaled[0])

    def between(self, low: int, high: int, shape: tuple[int, ...] = ()) -> Any:
        """Return integers from ``low`` to ``high``, both included; see `below`."""
        return low + self.below(high - low + 1, shape)

    def order(self, count: int) -> Integers:
        """Return the integers from 0 to ``count - 1`` in random order."""
        return np.argsort(self._bits.random_raw(count), kind="stable").astype(np.int64)
