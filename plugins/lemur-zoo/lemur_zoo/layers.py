"""The layers of a net, as engines compute them."""

from __future__ import annotations

from typing import NamedTuple


class Conv(NamedTuple):
    """A convolution.

    Attributes:
        channels: Number of output channels.
        kernel: Height and width of the kernel.
        stride: Distance of neighbouring outputs, in both directions.
        padding: Zeros that are added at each edge.
        bias: Whether it has a bias.
    """

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True


class MaxPool(NamedTuple):
    """The maximum of squares that do not overlap.

    Attributes:
        size: Height and width of a square. Rows and columns that fill none are left out.
    """

    size: int


class Activation(NamedTuple):
    """A function of each element.

    Attributes:
        name: ``tanh``, ``sigmoid``, ``relu`` or ``gelu`` (the exact one).
    """

    name: str


class Dropout(NamedTuple):
    """Zeros at random while the net is trained; how many is a setting of each member."""


class Flatten(NamedTuple):
    """Images become vectors, channels first."""


class Linear(NamedTuple):
    """A fully connected layer.

    Attributes:
        features: Number of outputs.
        bias: Whether it has a bias.
    """

    features: int
    bias: bool = True


Layer = Conv | MaxPool | Activation | Dropout | Flatten | Linear
Layers = tuple[Layer, ...]
"""The layers of a net in the order in which they are applied, ending with the class scores."""
