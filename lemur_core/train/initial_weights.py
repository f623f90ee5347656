"""Load the initial weights of a trial into its net."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from lemur_core.errors import MisfitError, error_text
from lemur_core.initial_weights import NAME, identity_in, identity_of
from lemur_core.notices import Notice
from lemur_core.train.net_adapter import adapter_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lemur_core.train.fitting_weights import Shape
    from lemur_core.trial import Trial


def load_initial_weights(
    net: Any, file: Path, trial: Trial, classes: int | None = None
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
        drawn, faults = adapter_of(net, name).fit_weights(file, device, classes)
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
