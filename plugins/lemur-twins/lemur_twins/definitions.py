"""Differences between the definitions of nets that libraries give the same name.

Each net is described layer by layer, in the order in which it computes, from the configuration of
its layers. Initialisers, which PyTorch's layers do not name, are measured in their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lemur_core.kinds.net import as_net
from lemur_core.training import middle_prm
from lemur_twins.conventions import CONVENTIONS, OF_TRAINING, Conventions
from lemur_twins.frameworks import framework_named, use
from lemur_twins.layers import INITIAL, LayerDefinition, initial_weights, name_initialisers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_core import Entry
    from lemur_twins.twin import Twin

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class NetDefinition:
    """A net.

    Attributes:
        framework: Name of its framework.
        layers: Its layers, in the order in which it computes.
        parameters: The number of trained parameters.
        buffers: The number of running means and variances.
    """

    framework: str
    layers: Sequence[LayerDefinition]
    parameters: int
    buffers: int


@dataclass(frozen=True)
class DefinitionDifference:
    """A difference between two nets, which layers can share.

    Attributes:
        kind: The kind of the layers, or ``net``.
        setting: What differs.
        values: The values in the two frameworks, as text.
        layers: Names of the layers in the first framework; in the second for layers that the first
            lacks.
    """

    kind: str
    setting: str
    values: tuple[str, str]
    layers: Sequence[str]


def define(entry: Entry, framework: str, twin: Twin) -> NetDefinition:
    """Return the definition of a net with its own initial weights.

    Args:
        entry: The entry of the net.
        framework: Name of its framework, PyTorch or one with Keras, which this process will use.
        twin: The twin, whose images the net gets.
    """
    use(framework)
    module = as_net(entry.load(), entry.name)
    prm = middle_prm(module) | dict(entry.prm) | {"match": "none"}
    torch.manual_seed(0)
    net: Any = module.net((1, *twin.image), (twin.classes,), prm, _CPU)
    if isinstance(net, nn.Module):
        layers = name_initialisers(list(_torch_layers(net, (1, *twin.image))))
        buffers = [value for name, value in net.named_buffers() if "running_" in name]
        parameters = sum(parameter.numel() for parameter in net.parameters())
        return NetDefinition(framework, layers, parameters, sum(map(torch.numel, buffers)))
    from lemur_twins.backends.keras_definitions import keras_layers

    layers = name_initialisers(list(keras_layers(net.keras_model)))
    arrays = net.parameter_arrays(), net.buffer_arrays()
    counts = [sum(array.size for array in part.values()) for part in arrays]
    return NetDefinition(framework, layers, *counts)


def differences(reference: NetDefinition, other: NetDefinition) -> list[DefinitionDifference]:
    """Return the differences between two nets, those of the whole net first.

    Layers are matched in order, by kind and shape of outputs; what is left over is only in one.
    """
    differing: dict[tuple[str, str, tuple[str, str]], list[str]] = {}
    for setting in ("parameters", "buffers"):
        values = [f"{getattr(net, setting):,}" for net in (reference, other)]
        if values[0] != values[1]:
            differing["net", setting, (values[0], values[1])] = []
    for first, second in _matched(reference.layers, other.layers):
        layer = first or second
        assert layer is not None
        for setting, pair in _differing(first, second):
            differing.setdefault((layer.kind, setting, pair), []).append(layer.name)
    return [DefinitionDifference(*key, layers) for key, layers in differing.items()]


def _matched(
    reference: Sequence[LayerDefinition], other: Sequence[LayerDefinition]
) -> Iterator[tuple[LayerDefinition | None, LayerDefinition | None]]:
    left: list[LayerDefinition] = []
    others: list[LayerDefinition] = []
    keys = [[_key(layer) for layer in layers] for layers in (reference, other)]
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        first, second = reference[start:end], other[other_start:other_end]
        if tag == "equal":
            yield from zip(first, second, strict=True)
        else:
            left.extend(first)
            others.extend(second)
    # Branches can be computed in another order, and images be halved at another layer.
    for layer in left:
        twin = _counterpart(layer, others)
        if twin is not None:
            others.remove(twin)
        yield layer, twin
    yield from ((None, layer) for layer in others)


def _counterpart(
    layer: LayerDefinition, others: Sequence[LayerDefinition]
) -> LayerDefinition | None:
    """Return the first layer with the same outputs, or else with the same numbers of channels."""
    for key in (_key, _channels):
        for other in others:
            if key(other) == key(layer):
                return other
    return None


def _key(layer: LayerDefinition) -> tuple[object, ...]:
    return layer.kind, layer.inputs, layer.shape


def _channels(layer: LayerDefinition) -> tuple[object, ...]:
    return layer.kind, layer.inputs, layer.shape[:1]


def _differing(
    reference: LayerDefinition | None, other: LayerDefinition | None
) -> Iterator[tuple[str, tuple[str, str]]]:
    if reference is None or other is None:
        yield "layer", ("none" if reference is None else "yes", "none" if other is None else "yes")
        return
    if reference.shape != other.shape:
        yield "outputs", (_shape(reference.shape), _shape(other.shape))
    for setting, value in reference.settings.items():
        # What only one has depends on another setting, as initial biases on the bias.
        if other.settings.get(setting, value) != value:
            yield setting, (str(value), str(other.settings[setting]))


def _torch_layers(net: nn.Module, in_shape: tuple[int, ...]) -> Iterator[LayerDefinition]:
    """Yield the layers of a PyTorch net in the order in which they are called."""
    called: list[tuple[str, nn.Module, tuple[int, ...]]] = []

    def notes(name: str) -> Any:
        def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
            called.append((name, module, tuple(output.shape[1:])))

        return note

    hooks = [
        module.register_forward_hook(notes(name))
        for name, module in net.named_modules()
        if not list(module.children())
    ]
    with torch.no_grad():
        net.eval()(torch.zeros(in_shape))
    for hook in hooks:
        hook.remove()
    for name, module, shape in called:
        described = _torch_layer(module)
        if described is not None:
            yield LayerDefinition(name, *described, _inputs(module), shape)


def _torch_layer(module: Any) -> tuple[str, dict[str, Any]] | None:
    if isinstance(module, nn.Conv2d):
        return "conv", {
            "kernel": _pair(module.kernel_size),
            "stride": _pair(module.stride),
            "padding": _pair(module.padding),
            "bias": module.bias is not None,
            **_initial(module),
        }
    if isinstance(module, nn.Linear):
        return "linear", {"bias": module.bias is not None, **_initial(module)}
    if isinstance(module, nn.BatchNorm2d):
        settings = {"epsilon": module.eps, "momentum": 1 - (module.momentum or 0)}
        return "norm", settings | {"running variance": "unbiased"}
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        kind = "max pool" if isinstance(module, nn.MaxPool2d) else "average pool"
        sizes = {"kernel": module.kernel_size, "stride": module.stride, "padding": module.padding}
        return kind, {name: _pair(size) for name, size in sizes.items()}
    # To one pixel, it is the global pooling that any classifier has, often without a layer.
    if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size not in (1, (1, 1)):
        return "adaptive average pool", {"size": _pair(module.output_size)}
    if isinstance(module, nn.Dropout):
        return "dropout", {"rate": module.p}
    return None


def _initial(module: Any) -> dict[str, Any]:
    weights = module.weight.detach().numpy()
    shape = weights.shape
    outputs = shape[0] * prod(shape[2:])
    initial: dict[str, Any] = {INITIAL: initial_weights(weights, prod(shape[1:]), outputs)}
    if module.bias is not None:
        biases = bool(module.bias.detach().any())
        initial["initial biases"] = "drawn" if biases else "0"
    return initial


def _inputs(module: Any) -> int:
    """Return the number of input channels of a layer; 0 if it takes any."""
    return int(getattr(module, "in_channels", getattr(module, "in_features", 0)))


def _pair(size: Any) -> str:
    reference, other = size if isinstance(size, tuple) else (size, size)
    return f"{reference}x{other}"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def conventions_differing(framework: str) -> list[str]:
    """Return the names of the conventions of training in which a framework differs from PyTorch."""
    family = Conventions(framework_named(framework).name, "none").family
    return [
        name
        for name, convention in CONVENTIONS.items()
        if name in OF_TRAINING and getattr(convention, family) != convention.pytorch
    ]
