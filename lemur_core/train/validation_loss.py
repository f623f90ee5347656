"""The loss of a net on the validation split, from the outputs that are scored anyway."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from lemur_core.kinds.net import optional_method

if TYPE_CHECKING:
    from torch import Tensor


class ValidationLoss:
    """The mean loss of a net over the batches of a split, without waiting for a GPU.

    Args:
        net: A net; its method ``validation_loss`` is described in `lemur_core.kinds.net`.
    """

    def __init__(self, net: Any) -> None:
        self._loss_of = optional_method(net, "validation_loss")
        self._batches: list[Tensor] = []

    def record(self, outputs: Any, targets: Any) -> None:
        """Record the loss of one batch.

        Args:
            outputs: What the net returned in evaluation mode.
            targets: The targets of the batch, with a length.

        Raises:
            Exception: The net's method raised an exception, or did not return a loss.
        """
        loss = None if self._loss_of is None else self._loss_of(outputs, targets)
        if loss is not None:
            mean, weight = loss if isinstance(loss, tuple) else (loss, len(targets))
            mean = torch.as_tensor(mean).float()
            self._batches.append(torch.stack([mean, torch.as_tensor(weight).to(mean)]))

    def mean(self) -> float | None:
        """Return the mean of the recorded batches, weighted; None if it is not a finite number."""
        if not self._batches:
            return None
        means, weights = torch.stack(self._batches).cpu().double().unbind(1)
        # The mean of a batch in which no target counts is not a number.
        counted = weights > 0
        mean = float((means * weights)[counted].sum() / weights.sum())
        return mean if math.isfinite(mean) else None
