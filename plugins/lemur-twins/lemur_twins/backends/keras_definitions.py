"""The definitions of the layers of a model of Keras. Importing this module imports Keras."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import layers

from lemur_twins.layers import INITIAL, LayerDefinition, initial_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras


def keras_layers(model: keras.Model) -> Iterator[LayerDefinition]:
    """Yield the layers of a model in the order in which it was built, in PyTorch's words.

    Zeros that a layer of its own pads are the padding of the next layer.
    """
    zeros: Any = None
    for layer in model.layers:
        if isinstance(layer, layers.ZeroPadding2D):
            zeros = layer.padding
            continue
        described = _layer(layer, zeros)
        zeros = None
        if described is not None:
            *images, channels = layer.output.shape[1:]
            inputs = layer.kernel.shape[-2] if hasattr(layer, "kernel") else 0
            yield LayerDefinition(layer.name, *described, inputs, (channels, *images))


def _layer(layer: Any, zeros: Any) -> tuple[str, dict[str, Any]] | None:
    if isinstance(layer, layers.Conv2D):
        return "conv", {
            "kernel": _text(layer.kernel_size),
            "stride": _text(layer.strides),
            "padding": _padding(layer, layer.kernel_size, layer.strides, zeros),
            "bias": layer.use_bias,
            **_initial(layer),
        }
    if isinstance(layer, layers.Dense):
        return "linear", {"bias": layer.use_bias, **_initial(layer)}
    if isinstance(layer, layers.BatchNormalization):
        settings = {"epsilon": layer.epsilon, "momentum": layer.momentum}
        return "norm", settings | {"running variance": "biased"}
    pools = {layers.MaxPooling2D: "max pool", layers.AveragePooling2D: "average pool"}
    if type(layer) in pools:
        return pools[type(layer)], {
            "kernel": _text(layer.pool_size),
            "stride": _text(layer.strides),
            "padding": _padding(layer, layer.pool_size, layer.strides, zeros),
        }
    return ("dropout", {"rate": layer.rate}) if isinstance(layer, layers.Dropout) else None


def _padding(layer: Any, kernel: Any, strides: Any, zeros: Any) -> str:
    """Return the padding of a layer, as ``1x1`` if it is the same on all sides."""
    sides = np.zeros((2, 2), int) if zeros is None else np.array(zeros)
    if layer.padding == "same":
        height, width = layer.input.shape[1:3]
        for axis, size in enumerate((height, width)):
            out = -(-size // strides[axis])
            total = max((out - 1) * strides[axis] + kernel[axis] - size, 0)
            sides[axis] += (total // 2, total - total // 2)
    (top, bottom), (left, right) = sides.tolist()
    if (top, left) == (bottom, right):
        return f"{top}x{left}"
    return f"{top} above, {bottom} below, {left} left, {right} right"


def _initial(layer: Any) -> dict[str, Any]:
    weights = np.array(layer.kernel)
    shape = weights.shape
    outputs = prod(shape[:-2]) * shape[-1]
    initial: dict[str, Any] = {INITIAL: initial_weights(weights, prod(shape[:-1]), outputs)}
    if layer.use_bias:
        initial["initial biases"] = "drawn" if np.array(layer.bias).any() else "0"
    return initial


def _text(size: Any) -> str:
    return "x".join(map(str, size))
