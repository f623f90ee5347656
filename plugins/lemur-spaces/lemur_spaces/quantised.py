"""Random numbers on a grid, distributed as in Radosavovic et al. (CVPR 2020).

Each function draws one number from ``low`` to ``high``, both included.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


def uniform(rng: Random, low: int, high: int) -> int:
    """Return an integer; all are equally probable."""
    return rng.randint(low, high)


def log_uniform(rng: Random, low: float, high: float, step: float) -> float:
    """Return a multiple of a step, uniform on a logarithmic scale.

    A real number above ``low - min(step, low / 2)`` and up to ``high`` is drawn, its logarithm
    uniform, and rounded up to a multiple of the step.

    Args:
        rng: Source of random numbers.
        low: The smallest number, a multiple of the step above 0.
        high: The largest number, a multiple of the step.
        step: Distance of neighbouring numbers.
    """
    bottom, top = math.log(low - min(step, low / 2)), math.log(high)
    # 1 - random() is above 0 and up to 1.
    drawn = math.exp(bottom + (1 - rng.random()) * (top - bottom))
    multiple = min(max(math.ceil(drawn / step), round(low / step)), round(high / step))
    # Without rounding, 17 * 0.1 would have further digits.
    return round(multiple * step, 6)


def power_of_two(rng: Random, low: int, high: int) -> int:
    """Return a power of two between two others; all are equally probable."""
    exponent: int = rng.randint(low.bit_length() - 1, high.bit_length() - 1)
    return 1 << exponent


def power_of_two_or_multiple(rng: Random, low: int, high: int, step: int) -> int:
    """Return a power of two below a step, or a multiple of the step, uniform on a log scale.

    Args:
        rng: Source of random numbers.
        low: The smallest number, a power of two.
        high: The largest number, a power of two.
        step: A power of two; larger numbers are multiples of it.
    """
    power = power_of_two(rng, low, high)
    if power < step:
        return power
    return round(log_uniform(rng, max(low, step), high, min(high, step)))
