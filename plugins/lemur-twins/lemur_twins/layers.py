"""The definition of a layer: its kind, its settings, and how its weights are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# Below this number, the standard deviation of weights says nothing about their initialiser.
_FEWEST_WEIGHTS = 1000


@dataclass(frozen=True)
class LayerDefinition:
    """A layer of a net.

    Attributes:
        name: Its name.
        kind: ``conv``, ``linear``, ``norm``, ``max pool``, ``average pool`` or ``dropout``.
        settings: Values of its settings, in PyTorch's words.
        shape: Shape of its outputs without the batch, channels first; empty if it is not known.
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class InitialWeights:
    """How initial weights are distributed, measured in a layer's weights.

    Attributes:
        distribution: ``normal``, ``truncated normal``, ``uniform`` or ``constant``.
        deviation: Their standard deviation, multiplied by the square root of the number of inputs
            of an output, so that it is the same in layers of all sizes for most initialisers.
    """

    distribution: str
    deviation: float

    def __str__(self) -> str:
        return f"{self.distribution}, deviation {self.deviation:.2f}/sqrt(inputs)"


def initial_weights(weights: NDArray[Any], inputs: int) -> InitialWeights | None:
    """Return how weights are distributed; None if they are too few to say.

    Args:
        weights: The weights of a layer.
        inputs: The number of inputs of each output.
    """
    values = weights.astype(np.float64).ravel()
    if len(values) < _FEWEST_WEIGHTS:
        return None
    deviation = float(values.std())
    if deviation == 0:
        return InitialWeights("constant", 0.0)
    # A uniform distribution ends at 1.73 deviations, a normal one truncated at two of its own
    # deviations, as Keras does it, at 2.27.
    farthest = float(np.abs(values - values.mean()).max()) / deviation
    name = "uniform" if farthest < 1.85 else "truncated normal" if farthest < 2.35 else "normal"
    return InitialWeights(name, round(deviation * inputs**0.5, 2))
