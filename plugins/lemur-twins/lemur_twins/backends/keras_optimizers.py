"""Keras' optimizers, with the conventions of a net. Importing this module imports Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops, optimizers

if TYPE_CHECKING:
    from lemur_twins.conventions import Conventions
    from lemur_twins.hyperparameters import OptimizerSettings


class MatchedSGD(optimizers.SGD):  # type: ignore[misc] # Keras has no types
    """SGD whose conventions can be PyTorch's."""

    coupled_decay = 0.0
    matches_buffer = False

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable."""
        gradient = _decayed(gradient, variable, self.coupled_decay)
        if not (self.matches_buffer and self.momentum):
            super().update_step(gradient, variable, learning_rate)
            return
        buffer = self.momentums[self._get_variable_index(variable)]
        self.assign(buffer, ops.add(ops.multiply(buffer, self.momentum), gradient))
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, ops.multiply(buffer, rate))


class MatchedAdam(optimizers.Adam):  # type: ignore[misc]
    """Adam whose conventions can be PyTorch's."""

    coupled_decay = 0.0
    matches_epsilon = False
    epsilon: Any

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable."""
        gradient = _decayed(gradient, variable, self.coupled_decay)
        epsilon = self.epsilon
        if self.matches_epsilon:
            # Keras divides by sqrt(v) + epsilon, after it has moved the correction of v into the
            # learning rate; PyTorch by sqrt(v / correction) + epsilon.
            step = ops.cast(self.iterations + 1, variable.dtype)
            correction = 1 - ops.power(ops.cast(self.beta_2, variable.dtype), step)
            self.epsilon = epsilon * ops.sqrt(correction)
        super().update_step(gradient, variable, learning_rate)
        self.epsilon = epsilon


def optimizer_of(settings: OptimizerSettings, conventions: Conventions) -> optimizers.Optimizer:
    """Return an optimizer of Keras, with those of PyTorch's conventions that are matched."""
    is_coupled = settings.name != "adamw" and conventions.matches("weight-decay")
    decay = settings.weight_decay
    own_decay = None if is_coupled or not decay else decay
    if settings.name == "sgd":
        optimizer = MatchedSGD(settings.lr, settings.momentum, weight_decay=own_decay)
        optimizer.matches_buffer = conventions.matches("momentum-buffer")
    else:
        optimizer = MatchedAdam(
            settings.lr,
            settings.momentum,
            settings.beta_2,
            settings.epsilon,
            weight_decay=own_decay,
        )
        optimizer.matches_epsilon = conventions.matches("adam-epsilon-hat")
    optimizer.coupled_decay = decay if is_coupled else 0.0
    return optimizer


def _decayed(gradient: Any, variable: Any, decay: float) -> Any:
    return ops.add(gradient, ops.multiply(variable, decay)) if decay else gradient
