"""Remove repeated layers from a net before its graph is captured.

Capturing takes time for each operation. A layer that follows an equal one, with the same classes
and settings, adds no code that is not already captured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

_SETTINGS = (bool, int, float, str, tuple, list, type(None))


def without_repeats(build: Callable[[], nn.Module], inputs: Tensor) -> nn.Module:
    """Return a net in which each run of equal layers in an `nn.Sequential` is a single layer.

    Args:
        build: Builds the net.
        inputs: Inputs of the net. If the net fails on them without the repeated layers, for example
            because it indexes its layers by number, it is returned with all layers.
    """
    net = build().eval()
    if not _remove_repeats(net):
        return net
    try:
        with torch.inference_mode():
            net(inputs)
    # Third-party code may raise anything.
    except Exception:
        return build().eval()
    return net


def _remove_repeats(net: nn.Module) -> bool:
    removed = False
    for module in list(net.modules()):
        if type(module) is nn.Sequential:
            previous = None
            for name, layer in list(module.named_children()):
                settings = _settings(layer)
                if settings == previous and any(True for _ in layer.parameters()):
                    delattr(module, name)
                    removed = True
                previous = settings
    return removed


def _settings(module: nn.Module) -> Any:
    """Return what determines the code that a layer runs: classes, plain attributes and shapes."""
    plain = {
        name: repr(value)
        for name, value in vars(module).items()
        if isinstance(value, _SETTINGS) or callable(value)
    }
    tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors}
    children = [(name, _settings(child)) for name, child in module.named_children()]
    return type(module), plain, shapes, children
