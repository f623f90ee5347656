"""Load the weights in a file into a torch net as far as they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from safetensors import safe_open
from safetensors.torch import load_file, load_model

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from torch import nn

_SHOWN = 3

Shape = tuple[int, ...]


class Fitting(NamedTuple):
    """How the weights in a file fit a net.

    Attributes:
        drawn: Shapes in the file of the tensors that were not loaded, by name.
        faults: Why the weights do not fit; empty if they do.
    """

    drawn: Mapping[str, Shape]
    faults: list[str]


def fit_weights(net: nn.Module, file: Path, device: str, classes: int | None) -> Fitting:
    """Load the weights in a file, except for layers that differ only in the number of classes.

    Args:
        net: The net, on the device.
        file: A safetensors file.
        device: A torch device.
        classes: The number of classes of the dataset; None if it has none.

    Raises:
        Exception: The file is damaged, or the net's own ``load_state_dict`` raised an exception.
    """
    others = _other_shapes(net, file)
    drawn = _of_other_classes(net, others, classes)
    faults = [] if drawn else _shape_faults(net, others)
    if not faults:
        missing, unexpected = _load(net, file, device, drawn)
        faults = [*listed("missing", missing), *listed("unexpected", unexpected)]
    return Fitting(drawn, faults)


def _load(
    net: nn.Module, file: Path, device: str, drawn: Collection[str]
) -> tuple[Collection[str], Collection[str]]:
    """Load the tensors in a file except those drawn, and return the missing and unexpected names.

    The file holds tensors that share memory once.
    """
    if not drawn:
        return load_model(net, file, strict=False, device=device)
    state = {name: value for name, value in load_file(file, device).items() if name not in drawn}
    missing, unexpected = net.load_state_dict(state, strict=False)
    tensors = net.state_dict()
    loaded = {tensors[name].data_ptr() for name in state if name in tensors}
    absent = {name for name in missing if tensors[name].data_ptr() not in loaded}
    return absent - {*drawn}, unexpected


def _other_shapes(net: nn.Module, file: Path) -> dict[str, Shape]:
    """Return the shapes in the file of the tensors that have another shape in the net, by name."""
    state = net.state_dict()
    with safe_open(file, "pt") as opened:
        shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
    return {
        name: shape
        for name, shape in shapes.items()
        if name in state and shape != tuple(state[name].shape)
    }


def _shape_faults(net: nn.Module, others: Mapping[str, Shape]) -> list[str]:
    state = net.state_dict()
    return [
        f"{name} is {shape_text(shape)}, the net's {shape_text(tuple(state[name].shape))}"
        for name, shape in others.items()
    ][:1]


def _of_other_classes(
    net: nn.Module, others: Mapping[str, Shape], classes: int | None
) -> Mapping[str, Shape]:
    """Return the shapes if each differs only in the number of outputs, which is that of classes."""
    state = net.state_dict()
    outputs = {shape[:1] for shape in others.values()}
    is_of_classes = all(
        shape[:1] and (classes, *shape[1:]) == tuple(state[name].shape)
        for name, shape in others.items()
    )
    return others if len(outputs) == 1 and is_of_classes and len(others) < len(state) else {}


def shape_text(shape: Shape) -> str:
    """Return a shape as in ``3x224x224``."""
    return "x".join(map(str, shape)) or "a number"


def listed(fault: str, names: Collection[str]) -> list[str]:
    """Return one text with a fault and the first names that have it; none without names."""
    if not names:
        return []
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return [f"{fault} {', '.join(shown)}{more}"]
