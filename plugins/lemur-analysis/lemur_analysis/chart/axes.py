"""Axes: where a value is, and which values are labelled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STEPS = (1, 2, 5, 10)
_LOG_SPAN = 100.0
"""An axis is logarithmic if its greatest value is more than this many times the least."""


@dataclass(frozen=True)
class Axis:
    """An axis for numbers, or for the positions of categories.

    Attributes:
        low: The value at its beginning.
        high: The value at its end; greater than ``low``.
        ticks: The labelled values, in ascending order, with their labels.
        log: Whether it is logarithmic.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def share(self, value: float) -> float:
        """Return how far along the axis a value is, 0 to 1.

        >>> number_axis([0.001, 1.0, 10.0]).share(0.1)
        0.5
        """
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def needs_log(values: Sequence[float]) -> bool:
    """Return whether numbers are positive and span more than two decades.

    >>> needs_log([1e-4, 1e-1]), needs_log([0.01, 1.0]), needs_log([0.0, 1000.0])
    (True, False, False)
    """
    return bool(values) and min(values) > 0 and max(values) > _LOG_SPAN * min(values)


def number_axis(values: Sequence[float], *, most: int = 6, whole: bool = False) -> Axis:
    """Return an axis that holds numbers, logarithmic if they need it.

    Args:
        values: Finite numbers, at least one.
        most: Number of labels, at most.
        whole: Whether the numbers are counts, such as epochs: labels are whole numbers, and the
            axis is not logarithmic.

    >>> number_axis([1, 10], whole=True).ticks
    ((1.0, '1'), (2, '2'), (4, '4'), (6, '6'), (8, '8'), (10, '10'))
    """
    low, high = float(min(values)), float(max(values))
    if not whole and needs_log(values):
        return Axis(low, high, tuple((tick, f"{tick:g}") for tick in _decades(low, high)), True)
    if low == high:
        low, high = (low - 1, high + 1) if whole or low == 0 else sorted((low * 0.95, low * 1.05))
        middle = float(values[0])
        return Axis(low, high, ((middle, f"{middle:.6g}"),))
    step = _step(high - low, most, whole)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    if whole and low not in ticks:
        ticks.insert(0, low)
    shown = [f"{tick:.{decimals}f}" if decimals < 6 else f"{tick:.4g}" for tick in ticks]
    return Axis(low, high, tuple(zip(ticks, shown, strict=True)))


def category_axis(names: Sequence[str]) -> Axis:
    """Return an axis with a place for each name, the first at its end; name i is at ``-i``.

    >>> category_axis(["a", "b"]).share(-1.0)
    0.25
    """
    ticks = tuple((float(-number), name) for number, name in enumerate(names))
    return Axis(0.5 - len(names), 0.5, ticks[::-1])


def _step(span: float, most: int, whole: bool) -> float:
    """Return the least step of 1, 2 or 5 times a power of ten that gives few enough labels."""
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in _STEPS if span / (power * factor) <= most)
    return max(1, round(step)) if whole else step


def _decades(low: float, high: float) -> Iterator[float]:
    for power in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1):
        yield 10.0**power
