"""The parameter tensors of a net, as they are stored."""

from __future__ import annotations

from math import prod
from typing import NamedTuple


class Parameter(NamedTuple):
    """A parameter tensor of a net.

    Attributes:
        name: Its name in the net's state dictionary.
        shape: Its shape.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of its elements."""
        return prod(self.shape)
