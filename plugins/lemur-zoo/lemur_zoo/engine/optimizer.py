"""The optimizer of members that are trained together in PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_zoo.engine.steps import BETAS, EPSILON

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from torch import Tensor


class GroupOptimizer:
    """A step of all members, as torch.optim computes it.

    Args:
        name: ``adam`` or ``sgd``.
        momentum: Momentum of SGD, ``(members, 1)``.
        decay: Weight decay, ``(members, 1)`` or that of each parameter.
        parameters: Parameters, ``(members, parameters)``, which the steps change.
        first: Adam's mean of the gradients or SGD's momentum buffer, of the same shape.
        second: Adam's mean of the squared gradients, of the same shape.
    """

    def __init__(
        self,
        name: str,
        momentum: Tensor,
        decay: Tensor,
        parameters: Tensor,
        first: Tensor,
        second: Tensor,
    ) -> None:
        self._is_adam, self._momentum, self._decay = name == "adam", momentum, decay
        self._parameters, self._first, self._second = parameters, first, second

    @torch.no_grad()
    def __call__(self, gradient: Tensor, sizes: NDArray[float64], correction: float) -> None:
        """Change the parameters and moments.

        Args:
            gradient: The gradient, ``(members, parameters)``.
            sizes: Each member's size of the step, ``(members, 1)`` or that of each parameter; see
                `lemur_zoo.engine.steps.Steps`.
            correction: Square root of the bias correction of Adam's second moment.
        """
        gradient = gradient + self._decay * self._parameters
        size = torch.from_numpy(sizes.astype(np.float32)).to(gradient.device)
        if not self._is_adam:
            # The first step of torch.optim.SGD is the same, as its buffer begins with 0.
            self._first.mul_(self._momentum).add_(gradient)
            self._parameters.sub_(size * self._first)
            return
        self._first.lerp_(gradient, 1 - BETAS[0])
        self._second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        scale = self._second.sqrt().div_(correction).add_(EPSILON)
        self._parameters.sub_(size * self._first / scale)
