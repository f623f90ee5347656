"""The steps of an epoch's optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy import float32, float64
    from numpy.typing import NDArray

BETAS = 0.9, 0.999
EPSILON = 1e-8
"""Adam's other hyperparameters, torch's defaults."""


class Steps(NamedTuple):
    """What differs between the steps of an epoch.

    Attributes:
        sizes: Step sizes of shape (steps, members): the learning rate times the factor of the
            schedule, for Adam divided by the bias correction of the first moment.
        corrections: Square root of the bias correction of Adam's second moment, shape (steps,);
            ones for SGD.
    """

    sizes: NDArray[float64]
    corrections: NDArray[float64]


def steps_of(optimizer: str, lr: NDArray[float32], before: int, factors: NDArray[float64]) -> Steps:
    """Return the steps of an epoch.

    Args:
        optimizer: ``adam`` or ``sgd``.
        lr: Learning rate of each member.
        before: Number of steps before the epoch.
        factors: What the learning rate is multiplied by at each step, shape (steps,).
    """
    sizes = factors[:, None] * lr.astype(np.float64)
    if optimizer == "sgd":
        return Steps(sizes, np.ones(len(factors)))
    done = before + 1 + np.arange(len(factors))
    first, second = (1 - beta**done for beta in BETAS)
    return Steps(sizes / first[:, None], np.sqrt(second))
