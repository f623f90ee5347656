"""The layouts of the arrays of a PyTorch net, which those of its twins are derived from."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lemur_twins.weights import BUFFERS, ArrayLayout, WeightMapError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Shape = tuple[int, ...]

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
_AXES = {nn.Conv2d: "OIHW", nn.Linear: "OI"} | dict.fromkeys(NORMS, "O")
ROLES = ("weight", "bias", *BUFFERS)
"""The roles of arrays, in PyTorch's words."""


def layouts_of(net: nn.Module, flattened: Mapping[str, Shape]) -> dict[str, ArrayLayout]:
    """Return the layouts of the arrays of a PyTorch net by their names.

    Args:
        net: The net, which can be on the device ``meta``.
        flattened: What `flattened_inputs` returns for it.

    Raises:
        WeightMapError: A layer has weights and is of a type that cannot be mapped.
    """
    layouts = {}
    for layer, module in net.named_modules():
        own = dict(module.named_parameters(recurse=False)) | dict(
            module.named_buffers(recurse=False)
        )
        axes = _AXES.get(type(module))
        if own and axes is None:
            raise unknown_layer(layer, module, [kind.__name__ for kind in _AXES])
        for role in ROLES:
            if own.get(role) is not None:
                shape = tuple(own[role].shape)
                image = tuple(zip("CHW", flattened.get(layer, ()), strict=False))
                kernel = role == "weight"
                layouts[f"{layer}.{role}"] = ArrayLayout(
                    str(axes) if kernel else "O", shape, image if kernel else ()
                )
    return layouts


def flattened_inputs(net: nn.Module, in_shape: Shape) -> dict[str, Shape]:
    """Return the linear layers whose inputs are flattened images, with the images' shapes.

    Args:
        net: A PyTorch net that flattens with ``nn.Flatten``.
        in_shape: Shape of the net's inputs, ``(1, channels, height, width)``.

    Returns:
        ``(channels, height, width)`` by the names of layers.
    """
    shapes: dict[str, Shape] = {}
    latest: list[Shape] = []

    def flattens(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        latest[:] = [tuple(inputs[0].shape[1:])]

    def reads(name: str) -> Any:
        def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            image = latest.pop() if latest else ()
            if len(image) == 3 and prod(image) == inputs[0].shape[-1]:
                shapes[name] = image

        return note

    hooks = [
        module.register_forward_hook(flattens if isinstance(module, nn.Flatten) else reads(name))
        for name, module in net.named_modules()
        if isinstance(module, nn.Flatten | nn.Linear)
    ]
    was_training = net.training
    device = next(net.parameters()).device
    with torch.no_grad():
        net.eval()(torch.zeros(in_shape, device=device))
    net.train(was_training)
    for hook in hooks:
        hook.remove()
    return shapes


def unknown_layer(name: str, layer: object, known: list[str]) -> WeightMapError:
    """Return the error that the weights of a type of layer cannot be mapped."""
    return WeightMapError(
        name,
        f"is a {type(layer).__name__}, whose weights cannot be mapped; expected one of "
        f"{', '.join(known)}",
    )
