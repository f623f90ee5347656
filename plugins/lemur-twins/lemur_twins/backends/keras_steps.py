"""The computations of a model of Keras on each of its backends.

Importing this module imports Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
from keras import activations, losses

if TYPE_CHECKING:
    from lemur_twins.backends.foreign import Array
    from lemur_twins.conventions import Conventions


class BackendSteps(Protocol):
    """What a backend computes."""

    def logits(self, inputs: Array) -> Any:
        """Return the logits of a batch in evaluation mode."""

    def gradients(self, inputs: Array, targets: Array) -> list[Any]:
        """Return the gradients of the trained variables, in training mode."""

    def set_up(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Train with this optimizer, which has its variables."""

    def step(self, inputs: Array, targets: Array) -> Any:
        """Train one step, and return the mean loss."""


class _Loss:
    """The cross-entropy of a model's logits."""

    def __init__(self, model: keras.Model, conventions: Conventions) -> None:
        self.model = model
        self._of_logits = conventions.matches("loss")
        self._mean = losses.SparseCategoricalCrossentropy(from_logits=self._of_logits)

    def of(self, logits: Any, targets: Any) -> Any:
        """Return the mean loss, of logits or, as Keras' users write it, of their softmax."""
        return self._mean(targets, logits if self._of_logits else activations.softmax(logits))


class TensorFlowSteps(_Loss):
    """The steps on TensorFlow: functions that are traced once, for batches of any size."""

    def __init__(self, model: keras.Model, conventions: Conventions) -> None:
        super().__init__(model, conventions)
        import tensorflow

        self._tf = tensorflow
        image = (None, *model.input_shape[1:])
        self._signature = [
            tensorflow.TensorSpec(image, "float32"),
            tensorflow.TensorSpec((None,), "int64"),
        ]
        function = tensorflow.function
        self._predict = function(self._logits, input_signature=self._signature[:1])
        self._differentiate = function(self._gradients, input_signature=self._signature)

    def logits(self, inputs: Array) -> Any:
        """Return the logits of a batch."""
        return self._predict(inputs)

    def _logits(self, inputs: Any) -> Any:
        return self.model(inputs, training=False)

    def _gradients(self, inputs: Any, targets: Any) -> Any:
        with self._tf.GradientTape() as tape:
            loss = self.of(self.model(inputs, training=True), targets)
        weights = [weight.value for weight in self.model.trainable_variables]
        return loss, tape.gradient(loss, weights)

    def gradients(self, inputs: Array, targets: Array) -> list[Any]:
        """Return the gradients of the trained variables."""
        _, gradients = self._differentiate(inputs, targets)
        return list(gradients)

    def set_up(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Train with this optimizer."""

        def step(inputs: Any, targets: Any) -> Any:
            loss, gradients = self._gradients(inputs, targets)
            optimizer.apply(gradients, self.model.trainable_variables)
            return loss

        self._step = self._tf.function(step, input_signature=self._signature)

    def step(self, inputs: Array, targets: Array) -> Any:
        """Train one step."""
        return self._step(inputs, targets)


class TorchSteps(_Loss):
    """The steps on PyTorch, which computes eagerly."""

    def logits(self, inputs: Array) -> Any:
        """Return the logits of a batch."""
        import torch

        with torch.no_grad():
            return self.model(inputs, training=False).numpy()

    def gradients(self, inputs: Array, targets: Array) -> list[Any]:
        """Return the gradients of the trained variables."""
        self._backward(inputs, targets)
        return [weight.value.grad.numpy() for weight in self.model.trainable_variables]

    def set_up(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Train with this optimizer."""
        self._optimizer = optimizer

    def step(self, inputs: Array, targets: Array) -> Any:
        """Train one step."""
        import torch

        loss = self._backward(inputs, targets)
        weights = self.model.trainable_variables
        with torch.no_grad():
            self._optimizer.apply([weight.value.grad for weight in weights], weights)
        return loss

    def _backward(self, inputs: Array, targets: Array) -> Any:
        self.model.zero_grad()
        loss = self.of(self.model(inputs, training=True), targets)
        loss.backward()
        return loss.detach()


class JaxSteps(_Loss):
    """The steps on JAX: jitted functions of the values of variables."""

    def __init__(self, model: keras.Model, conventions: Conventions) -> None:
        super().__init__(model, conventions)
        import jax

        self._jax = jax
        self._predict = jax.jit(self._predicted)
        self._differentiate = jax.jit(self._differentiated)

    def logits(self, inputs: Array) -> Any:
        """Return the logits of a batch."""
        return self._predict(*self._values(), inputs)

    def gradients(self, inputs: Array, targets: Array) -> list[Any]:
        """Return the gradients of the trained variables."""
        _, _, gradients = self._differentiate(*self._values(), inputs, targets)
        return [np.asarray(gradient) for gradient in gradients]

    def set_up(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Train with this optimizer."""
        self._optimizer = optimizer
        self._train = self._jax.jit(self._stepped)

    def step(self, inputs: Array, targets: Array) -> Any:
        """Train one step."""
        variables = [variable.value for variable in self._optimizer.variables]
        loss, *values = self._train(*self._values(), variables, inputs, targets)
        model = self.model
        kept = (
            model.trainable_variables,
            model.non_trainable_variables,
            self._optimizer.variables,
        )
        for variables, new in zip(kept, values, strict=True):
            for variable, value in zip(variables, new, strict=True):
                variable.assign(value)
        return loss

    def _values(self) -> tuple[list[Any], list[Any]]:
        model = self.model
        return (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
        )

    def _predicted(self, weights: Any, buffers: Any, inputs: Any) -> Any:
        return self.model.stateless_call(weights, buffers, inputs, training=False)[0]

    def _differentiated(self, weights: Any, buffers: Any, inputs: Any, targets: Any) -> Any:
        def loss_of(weights: Any) -> Any:
            logits, new = self.model.stateless_call(weights, buffers, inputs, training=True)
            return self.of(logits, targets), new

        (loss, new), gradients = self._jax.value_and_grad(loss_of, has_aux=True)(weights)
        return loss, new, gradients

    def _stepped(
        self, weights: Any, buffers: Any, variables: Any, inputs: Any, targets: Any
    ) -> tuple[Any, ...]:
        loss, buffers, gradients = self._differentiated(weights, buffers, inputs, targets)
        weights, variables = self._optimizer.stateless_apply(variables, gradients, weights)
        return loss, weights, buffers, variables


def steps_of(model: keras.Model, conventions: Conventions) -> BackendSteps:
    """Return the steps of a model on the backend of this process."""
    kinds: dict[str, Any] = {"tensorflow": TensorFlowSteps, "torch": TorchSteps, "jax": JaxSteps}
    steps: BackendSteps = kinds[keras.backend.backend()](model, conventions)
    return steps
