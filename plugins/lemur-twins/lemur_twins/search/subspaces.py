"""Overlapping sub-spaces of a search space, as in HyperSpace.

Young, Hinkle, Ramanathan and Kannan, "HyperSpace: Distributed Bayesian Hyperparameter Optimization"
(SBAC-PAD 2018): each of the D ranges is halved, the halves overlap, and their combinations are 2^D
sub-spaces, each of which is searched on its own.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from optuna.distributions import FloatDistribution, IntDistribution

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

OVERLAP = 0.5
"""Overlap of the halves in CrossedWires."""
Number = FloatDistribution | IntDistribution


class SubSpace(NamedTuple):
    """A sub-space.

    Attributes:
        number: Its number, from 0. In binary, a digit for each range, the first range first, is 0
            for the lower half and 1 for the upper.
        ranges: The range of each hyperparameter.
    """

    number: int
    ranges: Mapping[str, Number]

    def holds(self, prm: Mapping[str, object]) -> bool:
        """Return whether hyperparameters lie in the sub-space."""
        return all(
            isinstance(value := prm.get(name), int | float) and limits.low <= value <= limits.high
            for name, limits in self.ranges.items()
        )


def sub_spaces(ranges: Mapping[str, Number], overlap: float = OVERLAP) -> list[SubSpace]:
    """Return the 2^D sub-spaces of D ranges.

    Args:
        ranges: The range of each hyperparameter.
        overlap: Share of a half, 0 to 1, by which each half is extended into the other: with 0
            they only touch, with 1 both are the whole range.

    Raises:
        SettingsError: The overlap is out of range.

    >>> from optuna.distributions import IntDistribution
    >>> for space in sub_spaces({"batch": IntDistribution(10, 1000)}):
    ...     print(space.number, space.ranges["batch"].low, space.ranges["batch"].high)
    0 10 752
    1 258 1000
    """
    if not 0 <= overlap <= 1:
        raise SettingsError(f"overlap is {overlap}; expected a number from 0 to 1")
    pairs = [_halves(limits, overlap) for limits in ranges.values()]
    return [
        SubSpace(number, dict(zip(ranges, halves, strict=True)))
        for number, halves in enumerate(product(*pairs))
    ]


def _halves(limits: Number, overlap: float) -> tuple[Number, Number]:
    """Return the lower and the upper half of a range, on its own scale."""
    low, high = (math.log(end) if limits.log else end for end in (limits.low, limits.high))
    kept = (high - low) / 2 * (1 + overlap)
    ends = (low + kept, high - kept)
    upper_end, lower_end = (math.exp(end) if limits.log else end for end in ends)
    if isinstance(limits, IntDistribution):
        # Rounded inwards, as in HyperSpace; a range of two values has halves of one value.
        return (
            IntDistribution(limits.low, _below(upper_end), limits.log),
            IntDistribution(_above(lower_end), limits.high, limits.log),
        )
    return (
        FloatDistribution(limits.low, min(upper_end, limits.high), limits.log),
        FloatDistribution(max(lower_end, limits.low), limits.high, limits.log),
    )


# exp(log(8)) is 7.999...; the whole number next to it is meant.
_TOLERANCE = 1e-9


def _below(value: float) -> int:
    return math.floor(value * (1 + _TOLERANCE))


def _above(value: float) -> int:
    return math.ceil(value * (1 - _TOLERANCE))
