"""The shapes of learning curves, each an increasing function of the epoch.

The logit of a curve, ln(s / (1 - s)) of the highest score s so far, is modelled as a start, plus a
gain times a shape, plus noise. A shape is 0 at the first epoch and 1 at the fiftieth. A shape with
a plateau is 0 until its end and then converges to 1.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Array = NDArray[np.float64]

FIRST, LAST = 1.0, 50.0
# Scores closer to 0 or 1 than these are clipped.
_LEAST, _MOST = 0.002, 0.9995


class Shape(NamedTuple):
    """The shape of a learning curve.

    Attributes:
        family: The name of the family of functions.
        numbers: The parameters of the function; times are in epochs.
        of: The function of the epochs, an array of any shape.
    """

    family: str
    numbers: tuple[float, ...]
    of: Callable[[Array], Array]

    @property
    def late(self) -> float:
        """The epoch at which the shape begins to rise if it is flat before; otherwise 0."""
        if self.family == "plateau":
            return self.numbers[0]
        if self.family in ("weibull", "hill") and self.numbers[0] > 1:
            return self.numbers[1]
        return 0.0


@cache
def shapes() -> tuple[Shape, ...]:
    """Return all shapes, in the order of the prior's weights."""
    return tuple(_all())


def values(epochs: Array) -> Array:
    """Return the values of all shapes at some epochs, shape ``(shapes, epochs)``.

    Args:
        epochs: The epochs, above 0, shape ``(epochs,)``.
    """
    return np.stack([shape.of(epochs) for shape in shapes()])


def logit(scores: Array) -> Array:
    """Return ln(s / (1 - s)) of scores, 0 to 1, clipped slightly at both ends."""
    inside = np.clip(scores, _LEAST, _MOST)
    return np.log(inside / (1 - inside))


def score_of(logits: Array) -> Array:
    """Return the scores with these logits."""
    return 1 / (1 + np.exp(-logits))


def _all() -> Iterator[Shape]:
    yield Shape("flat", (), np.zeros_like)
    for time in (0.7, 1.5, 3.0, 6.0, 12.0, 30.0):
        yield _scaled("exponential", (time,), lambda x, t: 1 - np.exp(-x / t))
    for power in (0.25, 0.5, 1.0, 2.0):
        yield _scaled("power", (power,), lambda x, p: -(x**-p))
    yield _scaled("logarithm", (), np.log)
    for power in (1.0, 2.0):
        yield _scaled("log-power", (power,), lambda x, p: np.log1p(x) ** p)
    for power in (2.0, 4.0):
        for time in (3.0, 6.0, 12.0, 24.0):
            yield _scaled("weibull", (power, time), lambda x, p, t: 1 - np.exp(-((x / t) ** p)))
    for power in (1.0, 2.0, 4.0):
        for time in (2.0, 5.0, 10.0, 20.0):
            yield _scaled("hill", (power, time), lambda x, p, t: x**p / (x**p + t**p))
    for begin in (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 17.0, 25.0, 35.0):
        for time in (1.5, 8.0):
            yield Shape("plateau", (begin, time), _after(begin, time))


def _scaled(family: str, numbers: tuple[float, ...], raw: Callable[..., Array]) -> Shape:
    low, high = raw(np.array([FIRST, LAST]), *numbers)
    return Shape(family, numbers, lambda epochs: (raw(epochs, *numbers) - low) / (high - low))


def _after(begin: float, time: float) -> Callable[[Array], Array]:
    return lambda epochs: -np.expm1(-np.maximum(epochs - begin, 0) / time)
