"""Keras' layers with the conventions of a net, and the arrays of the layers of a model.

Importing this module imports Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import layers, ops

from lemur_twins.backends.layouts import unknown_layer
from lemur_twins.weights import ArrayLayout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lemur_twins.conventions import Conventions


class BatchNormalization(layers.BatchNormalization):  # type: ignore[misc] # Keras has no types
    """Batch normalisation with the conventions of a net."""

    def __init__(self, conventions: Conventions, name: str) -> None:
        super().__init__(
            momentum=conventions.batch_norm_momentum,
            epsilon=conventions.batch_norm_epsilon,
            name=name,
        )
        self._unbiased = conventions.matches("batch-norm-variance")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalised images."""
        if not (self._unbiased and training):
            return super().call(inputs, training, mask)
        kept = ops.multiply(self.moving_variance, self.momentum)
        outputs = super().call(inputs, training, mask)
        variance = ops.convert_to_tensor(self.moving_variance)
        others = ops.cast(ops.size(inputs), "float32") / inputs.shape[-1] - 1
        self.moving_variance.assign(variance + (variance - kept) / others)
        return outputs


def flatten(x: Any, conventions: Conventions) -> Any:
    """Flatten images, in the order of the conventions."""
    if conventions.matches("flatten"):
        x = layers.Permute((3, 1, 2))(x)
    return layers.Flatten(name="flatten")(x)


def conv(x: Any, channels: int, kernel: int, conventions: Conventions, **options: Any) -> Any:
    """Apply a convolution that keeps the size of images, divided by its strides.

    Args:
        x: Images of shape ``(batch, height, width, channels)``.
        channels: The number of output channels.
        kernel: Size of the kernel, which is odd.
        conventions: The conventions of the net.
        **options: Those of ``keras.layers.Conv2D``.
    """
    x, padding = padded(x, kernel, options.get("strides", 1), conventions)
    return layers.Conv2D(channels, kernel, padding=padding, **options)(x)


def padded(x: Any, kernel: int, stride: int, conventions: Conventions) -> tuple[Any, str]:
    """Return the inputs of a layer that keeps the size of images, and the padding of the layer.

    Keras pads with zeros; before a pooling, images must not be negative.
    """
    if stride == 1 or kernel == 1 or not conventions.matches("padding"):
        return x, "same"
    return layers.ZeroPadding2D(kernel // 2)(x), "valid"


def activation(name: str, conventions: Conventions) -> Callable[[Any], Any]:
    """Return an activation: ``relu``, ``leaky_relu``, ``gelu``, ``tanh`` or ``sigmoid``."""
    if name == "leaky_relu":
        return lambda x: layers.LeakyReLU(negative_slope=conventions.leaky_relu_slope)(x)
    return lambda x: layers.Activation(name)(x)


class LayerSlot(NamedTuple):
    """An array of a model.

    Attributes:
        variable: The variable that holds it.
        layout: Its layout.
    """

    variable: Any
    layout: ArrayLayout


_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_KERNEL = {"kernel": "weight", "bias": "bias"}
# For each type of layer, PyTorch's word for each of Keras' arrays, and the axes of its weights.
_LAYERS: dict[type, tuple[dict[str, str], str]] = {
    layers.Conv2D: (_KERNEL, "HWIO"),
    layers.Dense: (_KERNEL, "IO"),
    layers.BatchNormalization: (_NORM, "O"),
    layers.GroupNormalization: (_NORM, "O"),
    layers.LayerNormalization: (_NORM, "O"),
}


def slots_of(model: keras.Model) -> Iterator[tuple[str, LayerSlot]]:
    """Yield the arrays of the layers of a model by their names, in PyTorch's words.

    A layer ``block-conv`` is PyTorch's ``block.conv``: Keras refuses dots on PyTorch.

    Raises:
        WeightMapError: A layer is of a type that cannot be mapped.
    """
    for layer in model.layers:
        if not layer.weights:
            continue
        kind = next((kind for kind in type(layer).__mro__ if kind in _LAYERS), None)
        if kind is None:
            raise unknown_layer(layer.name, layer, [known.__name__ for known in _LAYERS])
        roles, axes = _LAYERS[kind]
        for variable in layer.weights:
            role = roles[variable.name]
            own_axes = axes if role == "weight" else "O"
            layout = ArrayLayout(own_axes, tuple(variable.shape))
            yield f"{layer.name.replace('-', '.')}.{role}", LayerSlot(variable, layout)


def outputs_of(model: keras.Model, inputs: Any) -> dict[str, Any]:
    """Return the outputs of the layers with weights by PyTorch's names, in training mode.

    Those of a layer that has an activation of its own are left out: in PyTorch, they are the
    outputs of another layer. Running means and variances may change.
    """
    kept = [
        layer
        for layer in model.layers
        if layer.weights and getattr(layer, "activation", None) in (None, keras.activations.linear)
    ]
    inner = keras.Model(model.inputs, [layer.output for layer in kept])
    outputs = inner(ops.convert_to_tensor(inputs), training=True)
    # Keras returns a single output alone.
    listed = outputs if isinstance(outputs, list | tuple) else [outputs]
    names = [layer.name.replace("-", ".") for layer in kept]
    return dict(zip(names, listed, strict=True))
