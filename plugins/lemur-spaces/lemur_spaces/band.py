"""Bands: limits of the complexities of a population."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from lemur_spaces.complexity import Complexity

_NUMBER = r"\d+(?:\.\d+)?(?:[eE]\+?\d+)?"
_BAND = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")


class Band(NamedTuple):
    """Limits of a complexity, both included.

    Attributes:
        low: The lowest value.
        high: The highest value; infinite for no limit.
    """

    low: float
    high: float

    def __str__(self) -> str:
        low, high = (f"{end:,.0f}" if math.isfinite(end) else "" for end in self)
        return f"{low}..{high}"


Bands = Mapping[str, Band]
"""Limits by complexity: ``parameters``, ``macs`` or ``activations``."""


def parse_band(name: str, text: object) -> Band:
    """Return the band that a text such as ``360e6..400e6`` describes; an end can be left out.

    Args:
        name: What the band limits, for error messages.
        text: The text.

    Raises:
        SettingsError: The text is no band, or the band is empty.

    >>> parse_band("macs", "2e6..3e6")
    Band(low=2000000.0, high=3000000.0)
    """
    match = _BAND.fullmatch(text.replace("_", "").strip()) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        raise SettingsError(f"{name} is {text!r}; expected a band LOW..HIGH, as in 360e6..400e6")
    low, high = match.groups()
    band = Band(float(low or 0), float(high or math.inf))
    if math.inf in (band.low, float(high or 0)):
        raise SettingsError(f"{name} is {text!r}; expected smaller numbers, or no end for no limit")
    if band.low > band.high:
        raise SettingsError(f"{name}={text}: the band is empty; expected the smaller number first")
    return band


def lies_in(complexity: Complexity, bands: Bands) -> bool:
    """Return whether a complexity lies in all bands."""
    return all(band.low <= getattr(complexity, name) <= band.high for name, band in bands.items())
