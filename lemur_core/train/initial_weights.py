"""Load the initial weights of a trial into its net."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from safetensors import safe_open
from safetensors.torch import load_file, load_model

from lemur_core.errors import MisfitError, error_text
from lemur_core.initial_weights import NAME, identity_in, identity_of
from lemur_core.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from torch import nn

    from lemur_core.trial import Trial

_SHOWN = 3

Shape = tuple[int, ...]


def load_initial_weights(
    net: nn.Module, file: Path, trial: Trial, classes: int | None = None
) -> frozenset[str]:
    """Load the weights in a file into the net of a trial.

    Layers that only differ in their number of outputs, because the file is of a net with another
    number of classes, keep the values that were drawn. A warning names them.

    Args:
        net: The net, on the trial's device.
        file: A safetensors file, which the trial's hyperparameters identify by its hash.
        trial: The trial.
        classes: The number of classes of the trial's dataset; None if it has none.

    Returns:
        The names of the tensors that were not loaded.

    Raises:
        MisfitError: The file cannot be read, its names or shapes are not the net's, or it is not
            the file that the hyperparameters identify.
    """
    name, device = trial.pipeline.net, trial.device
    drawn: Mapping[str, Shape] = {}
    try:
        if identity_of(file) != identity_in(trial.prm):
            raise MisfitError(
                f"{file} has changed since the campaign started; expected {trial.prm[NAME]}"
            )
        others = _other_shapes(net, file)
        drawn = _of_other_classes(net, others, classes)
        faults = [] if drawn else _shape_faults(net, others)
        if not faults:
            missing, unexpected = _load(net, file, device, drawn)
            faults = [*_listed("missing", missing), *_listed("unexpected", unexpected)]
    except MisfitError:
        raise
    # A damaged file or a net's own load_state_dict may raise anything.
    except Exception as error:
        faults = [error_text(error)]
    if faults:
        raise MisfitError(
            f"the weights in {file} do not fit net {name!r}: {'; '.join(faults)}; expected those "
            "of the same net with hyperparameters that give it the same shape"
        )
    if drawn:
        layers = dict.fromkeys(name.rpartition(".")[0] or name for name in drawn)
        outputs = next(iter(drawn.values()))[0]
        # The layers keep the weights that were drawn when the net was built.
        text = f"{file} is of a net with {outputs} classes, and the dataset has {classes}"
        text += f": {', '.join(layers)} of net {name!r} starts with random weights"
        warnings.warn(text, Notice, stacklevel=2)
    return frozenset(drawn)


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
        f"{name} is {_shape(shape)}, the net's {_shape(tuple(state[name].shape))}"
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


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"


def _listed(fault: str, names: Collection[str]) -> list[str]:
    if not names:
        return []
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return [f"{fault} {', '.join(shown)}{more}"]
