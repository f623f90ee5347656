"""Compute the class scores of many members at once: grouped convolutions and batched products.

Members' values are beside one another: in the channels of images, ``(samples, members * channels,
height, width)``, and in vectors, ``(members, samples, features)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from lemur_zoo.engine.scoring import sums_of
from lemur_zoo.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    parameter_shapes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy import float32
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_zoo.layers import Layers, Shape
    from lemur_zoo.members import SplitArrays

    Apply = Callable[[int, Layer, Tensor], Tensor]
    """Applies a layer with weights, or dropout, to values, given its number among the layers."""

_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "gelu": functional.gelu,
}
_SAMPLES = 1_000
# Values of a layer that are held at once: 16 members of the small net and 1,000 images.
_MEMBERS = 16


def run_layers(
    layers: Layers, members: int, images: Tensor, apply: Apply, *, shared: bool
) -> Tensor:
    """Return the class scores of members, shape ``(members, samples, classes)``.

    Args:
        layers: The layers of their net.
        members: Number of members.
        images: Images, ``(samples, channels, height, width)`` if they are shared, else
            ``(samples, members * channels, height, width)``.
        apply: Applies convolutions, linear layers and dropout.
        shared: Whether the images are the same for all members.
    """
    values = images
    for index, layer in enumerate(layers):
        match layer:
            case MaxPool(size):
                values = functional.max_pool2d(values, size)
            case Activation(name):
                values = _FUNCTIONS[name](values)
            case Flatten():
                parts = 1 if shared else members
                values = values.contiguous().reshape(len(values), parts, -1).transpose(0, 1)
                values = values.expand(members, -1, -1)
            case Dropout():
                values = apply(index, layer, values)
            case _:
                values = apply(index, layer, values)
                shared = False
    return values


def affine(layer: Layer, weight: Tensor, bias: Tensor | None, values: Tensor) -> Tensor:
    """Apply a convolution or a linear layer of each member.

    Args:
        layer: The layer.
        weight: Weights, ``(members, *shape)``.
        bias: Biases, ``(members, channels)``, or None.
        values: What it is applied to, as `run_layers` has it.
    """
    if isinstance(layer, Conv):
        flat = None if bias is None else bias.reshape(-1)
        groups = values.shape[1] // weight.shape[2]
        kernels = weight.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return functional.conv2d(values, kernels, flat, layer.stride, layer.padding, groups=groups)
    product = values @ weight.transpose(1, 2)
    return product if bias is None else product + bias[:, None]


def split_rows(
    rows: Tensor, layers: Layers, shape: Shape
) -> dict[int, tuple[Tensor, Tensor | None]]:
    """Return the weight and bias of each layer that has some, by the layer's number.

    Args:
        rows: Parameters of members, ``(members, parameters)``.
        layers: The layers of their net.
        shape: Shape of an image, ``(channels, height, width)``.
    """
    shapes = parameter_shapes(layers, shape)
    sizes = [torch.Size(item).numel() for item in shapes]
    parts = iter(
        part.reshape(len(rows), *item)
        for part, item in zip(rows.split(sizes, dim=1), shapes, strict=True)
    )
    return {
        index: (next(parts), next(parts) if layer.bias else None)
        for index, layer in enumerate(layers)
        if isinstance(layer, Conv | Linear)
    }


def class_scores(layers: Layers, rows: Tensor, images: Tensor) -> Tensor:
    """Return the class scores of members on the same images, without dropout.

    Args:
        layers: The layers of their net.
        rows: Parameters of members, ``(members, parameters)``.
        images: Images, ``(samples, channels, height, width)``.

    Returns:
        Shape ``(members, samples, classes)``.
    """
    weights = split_rows(rows, layers, tuple(images.shape[1:]))

    def apply(index: int, layer: Layer, values: Tensor) -> Tensor:
        if isinstance(layer, Dropout):
            return values
        return affine(layer, *weights[index], values)

    return run_layers(layers, len(rows), images, apply, shared=True)


@torch.no_grad()
def predictions(layers: Layers, rows: NDArray[float32], split: SplitArrays) -> Iterator[Tensor]:
    """Yield the class scores of members on a split, some members at a time.

    Args:
        layers: The layers of their net.
        rows: Parameters of members, ``(members, parameters)``.
        split: The split.

    Yields:
        Scores of the next members, ``(members, samples, classes)``.
    """
    inputs = torch.from_numpy(split.inputs)
    for start in range(0, len(rows), _MEMBERS):
        chosen = torch.from_numpy(np.array(rows[start : start + _MEMBERS]))
        parts = [class_scores(layers, chosen, part) for part in inputs.split(_SAMPLES)]
        yield torch.cat(parts, dim=1)


def loss_and_accuracy(
    layers: Layers, rows: NDArray[float32], split: SplitArrays
) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy and the accuracy, 0 to 1, of members on a split.

    Args:
        layers: The layers of their net.
        rows: Parameters of members, ``(members, parameters)``.
        split: The split.

    Returns:
        Two tensors of float64, shape ``(members,)``.
    """
    targets = torch.from_numpy(split.targets)
    sums = [
        sums_of(scores, targets.expand(len(scores), -1))
        for scores in predictions(layers, rows, split)
    ]
    losses, accuracies = torch.cat(sums, dim=1) / len(targets)
    return losses, accuracies


def losses_of(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of each member, shape ``(members,)``.

    Args:
        scores: Class scores, ``(members, samples, classes)``.
        targets: Classes, ``(samples,)`` or ``(members, samples)``.
    """
    targets = targets.expand(scores.shape[:2])
    losses = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
    return losses.reshape(targets.shape).mean(1)
