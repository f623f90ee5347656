"""Freeze layers of a net: training changes neither their parameters nor their statistics."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import chain
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch

from lemur_core.errors import ContractError, MisfitError, hint

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from torch import Tensor, nn

BACKBONE = "backbone"
"""Means all layers but the last, for nets without a part of this name."""


class FrozenLayers:
    """The frozen layers of a net.

    Their parameters need no gradients. Layers with running statistics, such as batch normalisation,
    stay in evaluation mode if all of their parameters are frozen.

    Args:
        net: The net, with its initial weights, before it is set up for training.
        patterns: Names of layers and parameters, in which ``*`` matches any text; `BACKBONE` means
            all layers but the last.
        inputs: A batch of inputs, which shows which layer is the last.
        drawn: Names of the parameters that were not loaded from a file.
        name: Name of the net, for error messages.

    Raises:
        MisfitError: A pattern matches nothing or a layer that must be trained, or nothing is left
            to train.
    """

    def __init__(
        self,
        net: nn.Module,
        patterns: Sequence[str],
        inputs: Any = None,
        drawn: Collection[str] = (),
        name: str = "",
    ) -> None:
        self._net, self._name = net, name
        self._whole = False
        matching = (self._matching(pattern, inputs, drawn) for pattern in patterns)
        frozen = set(chain.from_iterable(matching))
        for parameter in frozen:
            net.get_parameter(parameter).requires_grad_(False)
        if frozen and not any(parameter.requires_grad for parameter in net.parameters()):
            raise MisfitError(
                f"freeze {','.join(patterns)!r} leaves nothing of net {name!r} to train"
            )
        fixed_buffers = self._fix_statistics(frozen, patterns)
        self._state = {of: self._tensor(of).clone() for of in (*frozen, *fixed_buffers)}

    def _matching(self, pattern: str, inputs: Any, drawn: Collection[str]) -> set[str]:
        names = [name for name, _ in self._net.named_parameters()]
        frozen = {name for name in names if _matches(name, pattern)}
        if not frozen and pattern == BACKBONE:
            self._whole = True
            last = last_layer(self._net, inputs)
            if not last:
                raise MisfitError(
                    f"freeze {pattern!r}: the last layer of net {self._name!r} is unknown, because "
                    "none is called that has parameters; name the layers to freeze"
                )
            return set(names) - last - set(drawn)
        if not frozen and not any(_matches(name, pattern) for name, _ in self._net.named_buffers()):
            layers = {name.rsplit(".", parts)[0] for name in names for parts in range(1, 9)}
            known = sorted(layers, key=lambda layer: (layer.count("."), layer))
            raise MisfitError(
                f"freeze {pattern!r}: net {self._name!r} has no such layer{hint(pattern, known)}"
            )
        if new := sorted(frozen & set(drawn)):
            raise MisfitError(
                f"freeze {pattern!r} includes {new[0]} of net {self._name!r}, which is not loaded "
                "from the weights' file and must be trained"
            )
        return frozen

    def _fix_statistics(self, frozen: Collection[str], patterns: Sequence[str]) -> list[str]:
        """Keep the layers with running statistics that are frozen in evaluation mode."""
        fixed: list[str] = []
        for name, layer in self._net.named_modules():
            buffers = _named(name, layer.named_buffers(recurse=False))
            if f"{name}.running_mean".lstrip(".") not in buffers:
                continue
            own = _named(name, layer.named_parameters(recurse=False))
            # A layer without parameters is frozen if its name matches.
            is_named = any(_matches(buffer, pattern) for buffer in buffers for pattern in patterns)
            if set(own) <= set(frozen) if own else is_named or self._whole:
                layer.eval()
                layer.train = MethodType(_unchanged, layer)
                fixed += buffers
        return fixed

    def check(self) -> None:
        """Raise `ContractError` if training has changed a frozen layer."""
        for name, value in self._state.items():
            if not torch.equal(value, self._tensor(name)):
                raise ContractError(f"net {self._name!r}: its training changes frozen {name}")

    def _tensor(self, name: str) -> Tensor:
        layer, _, of = name.rpartition(".")
        tensor: Tensor = getattr(self._net.get_submodule(layer), of)
        return tensor.detach()


def last_layer(net: nn.Module, inputs: Any) -> set[str]:
    """Return the names of the parameters of the layer with parameters that is called last.

    Args:
        net: The net; it is left in evaluation mode.
        inputs: A batch of inputs.
    """
    called: list[nn.Module] = []
    layers = [layer for layer in net.modules() if _has_own_parameters(layer)]
    hooks = [
        layer.register_forward_pre_hook(lambda module, _: called.append(module)) for layer in layers
    ]
    try:
        with torch.inference_mode():
            net.eval()(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    last = {id(parameter) for layer in called[-1:] for parameter in layer.parameters(recurse=False)}
    return {name for name, parameter in net.named_parameters() if id(parameter) in last}


def _has_own_parameters(layer: nn.Module) -> bool:
    return next(layer.parameters(recurse=False), None) is not None


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def _named(layer: str, tensors: Any) -> list[str]:
    return [f"{layer}.{name}".lstrip(".") for name, _ in tensors]


def _unchanged(layer: nn.Module, mode: bool = True) -> nn.Module:
    """Ignore a change of the mode, in place of `torch.nn.Module.train`."""
    return layer
