"""The layers of a net, read from its modules, and modules made from layers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lemur_core.errors import LemurError
from lemur_zoo.layers import (
    Activation,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Layers,
    Linear,
    MaxPool,
    Shape,
    shape_after,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
}


class NotMadeOfLayersError(LemurError, ValueError):
    """A net has a module, or a connection of modules, that is none of `lemur_zoo.layers`."""


def layers_of(net: nn.Module, shape: Shape) -> Layers:
    """Return the layers of a net that applies them one after another.

    A copy of the net is run once, and each of its modules must get what the one before it returned.
    A module that changes nothing, such as ``nn.Identity`` or an ``nn.AdaptiveAvgPool2d`` to the
    size that its input has, is left out.

    Args:
        net: A net, on the CPU.
        shape: Shape of its images, (channels, height, width).

    Raises:
        NotMadeOfLayersError: The net is not such a net; the message says why.
    """
    layers: list[Layer] = []
    parameters: list[nn.Parameter] = []
    for name, module in _chain(net, shape):
        layer = _layer(name, module, shape)
        if layer is not None:
            layers.append(layer)
            shape = shape_after(layer, shape)
        parameters += module.parameters()
    if [id(p) for p in parameters] != [id(p) for p in net.parameters()]:
        raise NotMadeOfLayersError("its parameters are not those of its layers, in their order")
    if len(shape) != 1:
        raise NotMadeOfLayersError(f"it returns {_times(shape)} numbers, not a score of each class")
    return tuple(layers)


def _chain(net: nn.Module, shape: Shape) -> Iterator[tuple[str, nn.Module]]:
    """Return the innermost modules of a net in the order in which they are called."""
    # A copy, because running a net may change it.
    twin = copy.deepcopy(net).train()
    calls: list[tuple[str, Any, Any]] = []
    for name, module in twin.named_modules():
        if not list(module.children()):
            module.register_forward_hook(
                lambda _, given, result, name=name: calls.append((name, given, result))
            )
    images = torch.zeros(2, *shape)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        value: Any = images
        try:
            outputs = twin(images)
        except (RuntimeError, TypeError, ValueError) as error:
            reason = f"it cannot take images of {_times(shape)}: {error}"
            raise NotMadeOfLayersError(reason) from error
    for name, given, result in calls:
        if len(given) != 1 or given[0] is not value:
            raise NotMadeOfLayersError(
                f"its module {name!r} does not get what the module before it returns"
            )
        value = result
        yield name, net.get_submodule(name)
    if outputs is not value:
        raise NotMadeOfLayersError("it changes what its last module returns")


def _layer(name: str, module: nn.Module, shape: Shape) -> Layer | None:
    """Return what a module is, None if it changes nothing."""
    match module:
        case nn.Conv2d() if _is_plain(module):
            return _conv(module)
        case nn.MaxPool2d() if _is_square(module):
            return MaxPool(_single(module.kernel_size))
        case nn.Linear() if len(shape) == 1:
            return Linear(module.out_features, module.bias is not None)
        case nn.Flatten(start_dim=1, end_dim=-1):
            return Flatten()
        case nn.Dropout():
            return Dropout()
        case nn.GELU(approximate="none") | nn.Tanh() | nn.Sigmoid() | nn.ReLU():
            return Activation(type(module).__name__.lower())
        case nn.AdaptiveAvgPool2d() if _sizes(module.output_size) == shape[1:]:
            return None
        case nn.Identity():
            return None
    raise NotMadeOfLayersError(f"its module {name!r}, {module}, is none of the layers of a zoo")


def _conv(module: nn.Conv2d) -> Conv:
    padding = 0 if module.padding == "valid" else module.padding
    return Conv(
        module.out_channels,
        _single(module.kernel_size),
        _single(module.stride),
        _single(padding),
        module.bias is not None,
    )


def _is_plain(module: nn.Conv2d) -> bool:
    return (
        all(len(set(_sizes(value))) == 1 for value in (module.kernel_size, module.stride))
        and (module.padding == "valid" or len(set(_sizes(module.padding))) == 1)
        and module.padding != "same"
        and _sizes(module.dilation) == (1, 1)
        and module.groups == 1
        and module.padding_mode == "zeros"
    )


def _is_square(module: nn.MaxPool2d) -> bool:
    return (
        len({*_sizes(module.kernel_size), *_sizes(module.stride)}) == 1
        and _sizes(module.padding) == (0, 0)
        and _sizes(module.dilation) == (1, 1)
        and not module.ceil_mode
        and not module.return_indices
    )


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _single(value: Any) -> int:
    size: int = _sizes(value)[0]
    return size


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape))


def net_of(layers: Layers, shape: Shape) -> nn.Sequential:
    """Return a net with these layers.

    Args:
        layers: Layers that fit each other.
        shape: Shape of its images, (channels, height, width).
    """
    modules = []
    for layer in layers:
        modules.append(_module(layer, shape))
        shape = shape_after(layer, shape)
    return nn.Sequential(*modules)


def _module(layer: Layer, shape: Shape) -> nn.Module:
    match layer:
        case Conv(channels, kernel, stride, padding, bias):
            return nn.Conv2d(shape[0], channels, kernel, stride, padding, bias=bias)
        case MaxPool(size):
            return nn.MaxPool2d(size)
        case Activation(name):
            return ACTIVATIONS[name]()
        case Dropout():
            return nn.Dropout()
        case Flatten():
            return nn.Flatten()
        case Linear(features, bias):
            return nn.Linear(shape[0], features, bias=bias)


def flat(tensors: list[Tensor]) -> Tensor:
    """Return the elements of tensors as one vector."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
