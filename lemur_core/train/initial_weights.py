"""Load the initial weights of a trial into its net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors import safe_open
from safetensors.torch import load_model

from lemur_core.errors import MisfitError
from lemur_core.initial_weights import NAME, identity_in, identity_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from torch import nn

    from lemur_core.trial import Trial

_SHOWN = 3


def load_initial_weights(net: nn.Module, file: Path, trial: Trial) -> None:
    """Load the weights in a file into the net of a trial.

    Args:
        net: The net, on the trial's device.
        file: A safetensors file, which the trial's hyperparameters identify by its hash.
        trial: The trial.

    Raises:
        MisfitError: The file cannot be read, its names or shapes are not the net's, or it is not
            the file that the hyperparameters identify.
    """
    name, device = trial.pipeline.net, trial.device
    try:
        if identity_of(file) != identity_in(trial.prm):
            raise MisfitError(
                f"{file} has changed since the campaign started; expected {trial.prm[NAME]}"
            )
        faults = _other_shapes(net, file)
        if not faults:
            # The file holds tensors that share memory once, which load_model takes into account.
            missing, unexpected = load_model(net, file, strict=False, device=device)
            faults = [*_listed("missing", missing), *_listed("unexpected", unexpected)]
    except MisfitError:
        raise
    # A damaged file or a net's own load_state_dict may raise anything.
    except Exception as error:
        faults = [f"{type(error).__name__}: {error}".partition("\n")[0]]
    if faults:
        raise MisfitError(
            f"the weights in {file} do not fit net {name!r}: {'; '.join(faults)}; expected those "
            "of the same net with hyperparameters that give it the same shape"
        )


def _other_shapes(net: nn.Module, file: Path) -> list[str]:
    state = net.state_dict()
    with safe_open(file, "pt") as opened:
        shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
    return [
        f"{name} is {_shape(shape)}, the net's {_shape(tuple(state[name].shape))}"
        for name, shape in shapes.items()
        if name in state and shape != tuple(state[name].shape)
    ][:1]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"


def _listed(fault: str, names: Collection[str]) -> list[str]:
    if not names:
        return []
    shown = sorted(names)[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return [f"{fault} {', '.join(shown)}{more}"]
