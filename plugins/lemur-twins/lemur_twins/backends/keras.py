"""Train a twin's net in Keras: its layers and optimizers, and a compiled step of its backend.

Importing this module does not import Keras, whose backend is chosen when a net is built: the module
of a net imports Keras' layers in the method that builds its model.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_twins.backends.foreign import ForeignClassifier

if TYPE_CHECKING:
    import torch

    from lemur_core.kinds.net import Prm, Shape
    from lemur_core.space import Value
    from lemur_twins.backends.foreign import Array, Arrays
    from lemur_twins.hyperparameters import OptimizerSettings
    from lemur_twins.weights import ArrayLayout


class KerasClassifier(ForeignClassifier):
    """A classifier whose layers are a model of Keras, on the backend ``prm["framework"]``."""

    def __init__(self, in_shape: Shape, out_shape: Shape, prm: Prm, device: torch.device) -> None:
        self.framework = prm.get("framework", "tensorflow")
        super().__init__(in_shape, out_shape, prm, device)

    @property
    def keras_model(self) -> Any:
        """The ``keras.Model``."""
        return self._model

    @abstractmethod
    def model(self, in_shape: Shape, out_shape: Shape, prm: Prm) -> Any:
        """Return the ``keras.Model``.

        It takes images of shape ``(batch, height, width, channels)`` and returns logits.
        """

    def _build(self, in_shape: Shape, out_shape: Shape, prm: Prm) -> None:
        from lemur_twins.backends.keras_layers import slots_of
        from lemur_twins.backends.keras_steps import steps_of

        # Keras draws the seeds of initial weights from Python's generator, which lemur seeds.
        self._model = self.model(in_shape, out_shape, prm)
        self._slots = dict(slots_of(self._model))
        self._steps = steps_of(self._model, self.conventions)

    def _layouts(self) -> dict[str, ArrayLayout]:
        return {name: slot.layout for name, slot in self._slots.items()}

    def _read(self) -> dict[str, Array]:
        return {name: _array(slot.variable) for name, slot in self._slots.items()}

    def _write(self, arrays: Arrays) -> None:
        for name, array in arrays.items():
            self._slots[name].variable.assign(array)

    def _logits(self, inputs: Array) -> Any:
        return self._steps.logits(inputs)

    def _gradients(self, inputs: Array, targets: Array) -> dict[str, Array]:
        before = self._read()
        gradients = self._steps.gradients(inputs, targets)
        # Some backends change running means in place.
        self._write(before)
        names = {id(slot.variable): name for name, slot in self._slots.items()}
        weights = self._model.trainable_variables
        return {
            names[id(weight)]: np.asarray(gradient)
            for weight, gradient in zip(weights, gradients, strict=True)
        }

    def _activations(self, inputs: Array) -> dict[str, Any]:
        from lemur_twins.backends.keras_layers import outputs_of

        before = self._read()
        outputs = outputs_of(self._model, inputs)
        self._write(before)
        return {name: _numpy(output) for name, output in outputs.items()}

    def _set_up(self, settings: OptimizerSettings) -> None:
        from lemur_twins.backends.keras_optimizers import optimizer_of

        self._optimizer = optimizer_of(settings, self.conventions)
        self._optimizer.build(self._model.trainable_variables)
        self._rate: float | None = settings.lr
        self._steps.set_up(self._optimizer)

    def _step(self, inputs: Array, targets: Array) -> Any:
        if self.lr != self._rate:
            self._optimizer.learning_rate = self._rate = self.lr
        return self._steps.step(inputs, targets)

    def _optimizer_state(self) -> list[Array]:
        return [_array(variable) for variable in self._optimizer.variables]

    def _load_optimizer_state(self, state: list[Array]) -> None:
        for variable, value in zip(self._optimizer.variables, state, strict=True):
            variable.assign(value)
        # The learning rate is among the variables.
        self._rate = None


def hyperparameters(twin: dict[str, Value]) -> dict[str, Value]:
    """Return the hyperparameters of the PyTorch twin, and the backend of Keras."""
    return twin | {"framework": "tensorflow"}


def _numpy(output: Any) -> Array:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(output))


def _array(variable: Any) -> Array:
    return np.array(variable.numpy())
