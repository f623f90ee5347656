"""Leave repeated layers out of a net whose graph is captured.

Capturing takes time for each operation. A layer that follows an equal one, of the same classes with
the same settings, adds no code that is not captured already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

_SETTINGS = (bool, int, float, str, tuple, list, type(None))


def without_repeats(build: Callable[[], nn.Module], inputs: Tensor) -> nn.Module:
    """Return a net in which each run of equal layers of an `nn.Sequential` is one layer.

    Args:
        build: Builds the net.
        inputs: What it takes. A net that does not take them without the repeated layers, because
            it reads single layers by number for example, is returned whole.
    """
    net = build().eval()
    if not _remove_repeats(net):
        return net
    try:
        with torch.inference_mode():
            net(inputs)
    # A stranger's net may raise anything.
    except Exception:
        return build().eval()
    return net


def _remove_repeats(net: nn.Module) -> bool:
    removed = False
    for module in list(net.modules()):
        if type(module) is nn.Sequential:
            before = None
            for name, layer in list(module.named_children()):
                settings = _settings(layer)
                if settings == before and any(True for _ in layer.parameters()):
                    delattr(module, name)
                    removed = True
                before = settings
    return removed


def _settings(module: nn.Module) -> Any:
    """Return what decides which code a layer runs: classes, plain attributes and shapes."""
    plain = {
        name: repr(value)
        for name, value in vars(module).items()
        if isinstance(value, _SETTINGS) or callable(value)
    }
    tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors}
    children = [(name, _settings(child)) for name, child in module.named_children()]
    return type(module), plain, shapes, children
