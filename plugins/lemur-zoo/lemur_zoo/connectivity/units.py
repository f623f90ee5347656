"""Permute the units of a net: the channels of convolutions and the features of linear layers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.layers import Conv, Linear, parameter_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32, floating, int64
    from numpy.typing import NDArray

    from lemur_zoo.layers import Layers, Shape

    Permutations = Sequence[NDArray[int64]]
    """For each layer with weights except the last: the old number of each of its units."""


class LayerWeights(NamedTuple):
    """The weights of a layer.

    Attributes:
        weight: Shape ``(units, units of the layer before, weights for each pair)``.
        bias: Shape ``(units,)``; empty if there is none.
    """

    weight: NDArray[floating]
    bias: NDArray[floating]


class Units:
    """The units of the nets that a chain of layers describes.

    Activations and pooling act on each unit alone, so a net computes the same if a layer's units
    are permuted together with what the next layer reads of them.

    Args:
        layers: The layers.
        shape: Shape of an image, ``(channels, height, width)``.

    Attributes:
        hidden: Number of units of each layer with weights, except the last.
    """

    def __init__(self, layers: Layers, shape: Shape) -> None:
        shapes = iter(parameter_shapes(layers, shape))
        self._weights: list[tuple[int, ...]] = []
        self._biases: list[int] = []
        before = shape[0]
        for layer in layers:
            if isinstance(layer, Conv | Linear):
                units, *inputs = next(shapes)
                self._weights.append((units, before, prod(inputs) // before))
                self._biases.append(next(shapes)[0] if layer.bias else 0)
                before = units
        self.hidden = tuple(units for units, _, _ in self._weights[:-1])

    def split(self, row: NDArray[floating]) -> list[LayerWeights]:
        """Return the weights of each layer, given all parameters, ``(parameters,)``."""
        parts, start = [], 0
        for shape, biases in zip(self._weights, self._biases, strict=True):
            middle = start + prod(shape)
            weight, bias = row[start:middle], row[middle : middle + biases]
            parts.append(LayerWeights(weight.reshape(shape), bias))
            start = middle + biases
        return parts

    def permute(self, row: NDArray[float32], permutations: Permutations) -> NDArray[float32]:
        """Return the parameters of the same function with its units in another order.

        Args:
            row: Parameters, ``(parameters,)``.
            permutations: The old number of each unit, for each hidden layer.
        """
        parts: list[NDArray[floating]] = []
        last = len(self._weights) - 1
        for index, (weight, bias) in enumerate(self.split(row)):
            if index > 0:
                weight = weight[:, permutations[index - 1]]
            if index < last:
                weight = weight[permutations[index]]
                bias = bias[permutations[index]] if len(bias) else bias
            parts += [weight.reshape(-1), bias]
        return np.concatenate(parts).astype(np.float32, copy=False)

    def random(self, generator: np.random.Generator) -> Permutations:
        """Return a random permutation of each hidden layer."""
        return [generator.permutation(units) for units in self.hidden]

    def identity(self) -> Permutations:
        """Return the permutations that change nothing."""
        return [np.arange(units) for units in self.hidden]
