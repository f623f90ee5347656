"""The layers of a net, as engines compute them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]
"""The shape of a sample: (channels, height, width), or (features,) after `Flatten`."""


@dataclass(frozen=True)
class Conv:
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


@dataclass(frozen=True)
class MaxPool:
    """The maximum of squares that do not overlap.

    Attributes:
        size: Height and width of a square. Rows and columns that fill none are left out.
    """

    size: int


@dataclass(frozen=True)
class Activation:
    """A function of each element.

    Attributes:
        name: ``tanh``, ``sigmoid``, ``relu`` or ``gelu`` (the exact one).
    """

    name: str


@dataclass(frozen=True)
class Dropout:
    """Zeros at random while the net is trained; how many is a setting of each member."""


@dataclass(frozen=True)
class Flatten:
    """Images become vectors, channels first."""


@dataclass(frozen=True)
class Linear:
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


def shapes_of(layers: Layers, shape: Shape) -> list[Shape]:
    """Return the shape of a sample after each layer.

    Args:
        layers: Layers that fit each other.
        shape: Shape of an image, (channels, height, width).
    """
    shapes = []
    for layer in layers:
        shape = shape_after(layer, shape)
        shapes.append(shape)
    return shapes


def shape_after(layer: Layer, shape: Shape) -> Shape:
    """Return the shape of a sample after a layer, given its shape before it."""
    match layer:
        case Conv(channels, kernel, stride, padding):
            height, width = ((size + 2 * padding - kernel) // stride + 1 for size in shape[1:])
            return channels, height, width
        case MaxPool(size):
            return shape[0], shape[1] // size, shape[2] // size
        case Flatten():
            return (prod(shape),)
        case Linear(features):
            return (features,)
        case _:
            return shape


def parameter_shapes(layers: Layers, shape: Shape) -> list[Shape]:
    """Return the shapes of the parameters in the order of the net's ``parameters()``.

    Args:
        layers: Layers that fit each other.
        shape: Shape of an image, (channels, height, width).
    """
    parameters: list[Shape] = []
    for layer, before in zip(layers, [shape, *shapes_of(layers, shape)], strict=False):
        match layer:
            case Conv(channels, kernel, bias=bias):
                parameters.append((channels, before[0], kernel, kernel))
            case Linear(channels, bias=bias):
                parameters.append((channels, before[0]))
            case _:
                continue
        if bias:
            parameters.append((channels,))
    return parameters
