"""The definition of a layer: its kind, its settings, and how its weights are drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

INITIAL = "initial weights"
"""The setting of a layer that says how its weights are drawn."""

# Below this number, the standard deviation of weights says nothing about their initialiser.
_FEWEST_WEIGHTS = 1000
# The standard deviation of 1,000 weights is known to 2 %.
_TOLERANCE = 0.06
# Variances by the numbers of inputs and outputs.
_VARIANCES: Mapping[str, Callable[[int, int], float]] = {
    "variance 2/inputs (He)": lambda inputs, outputs: 2 / inputs,
    "variance 2/outputs (He)": lambda inputs, outputs: 2 / outputs,
    "variance 2/(inputs + outputs) (Glorot)": lambda inputs, outputs: 2 / (inputs + outputs),
    "variance 1/inputs (LeCun)": lambda inputs, outputs: 1 / inputs,
    "variance 1/(3 inputs)": lambda inputs, outputs: 1 / (3 * inputs),
}


@dataclass(frozen=True)
class LayerDefinition:
    """A layer of a net.

    Attributes:
        name: Its name.
        kind: ``conv``, ``linear``, ``norm``, ``max pool``, ``average pool`` or ``dropout``.
        settings: Values of its settings, in PyTorch's words.
        inputs: The number of input channels or features; 0 if it takes any.
        shape: Shape of its outputs without the batch, channels first; empty if it is not known.
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: int = 0
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class MeasuredInitialiser:
    """How initial weights are distributed, measured in a layer's weights.

    Attributes:
        distribution: ``normal``, ``truncated normal``, ``uniform`` or ``constant``.
        deviation: Their standard deviation.
        inputs: The number of inputs of each output.
        outputs: The number of outputs that each input is read by.
    """

    distribution: str
    deviation: float
    inputs: int
    outputs: int

    def formulas(self) -> list[str]:
        """Return the formulas of initialisers that give this standard deviation."""
        formulas = []
        for formula, variance in _VARIANCES.items():
            expected = variance(self.inputs, self.outputs) ** 0.5
            if abs(self.deviation - expected) < _TOLERANCE * expected:
                formulas.append(f"{self.distribution}, {formula}")
        return formulas or [f"{self.distribution}, deviation {self.deviation:.1g}"]


def initial_weights(weights: NDArray[Any], inputs: int, outputs: int) -> MeasuredInitialiser | None:
    """Return how weights are distributed; None if they are too few to say.

    Args:
        weights: The weights of a layer.
        inputs: The number of inputs of each output.
        outputs: The number of outputs that each input is read by.
    """
    values = weights.astype(np.float64).ravel()
    if len(values) < _FEWEST_WEIGHTS:
        return None
    deviation = float(values.std())
    if deviation == 0:
        return MeasuredInitialiser("constant", 0.0, inputs, outputs)
    # A uniform distribution ends at 1.73 deviations, a normal one truncated at two of its own
    # deviations, as Keras does it, at 2.27.
    farthest = float(np.abs(values - values.mean()).max()) / deviation
    name = "uniform" if farthest < 1.85 else "truncated normal" if farthest < 2.35 else "normal"
    return MeasuredInitialiser(name, deviation, inputs, outputs)


def name_initialisers(layers: Sequence[LayerDefinition]) -> list[LayerDefinition]:
    """Return layers whose initial weights are named by the formula that fits most.

    The formulas of several initialisers can fit a layer, for example one with as many inputs as
    outputs.
    """
    measured = filter(None, (layer.settings.get(INITIAL) for layer in layers))
    counts = Counter(formula for initial in measured for formula in initial.formulas())
    return [
        replace(layer, settings={**layer.settings, INITIAL: _likeliest(layer, counts)})
        if layer.settings.get(INITIAL)
        else layer
        for layer in layers
    ]


def _likeliest(layer: LayerDefinition, counts: Mapping[str, int]) -> str:
    formulas: list[str] = layer.settings[INITIAL].formulas()
    return max(formulas, key=lambda formula: counts[formula])
