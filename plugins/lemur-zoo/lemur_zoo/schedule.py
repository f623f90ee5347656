"""Schedules of the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

CONSTANT, ONE_CYCLE = "constant", "onecycle"
_RISING = 0.3
_FIRST, _LAST = 1 / 25, 1 / 25e4


def factors_of(schedule: str, epoch: int, epochs: int, steps: int) -> NDArray[float64] | None:
    """Return what the learning rate is multiplied by at each step of an epoch.

    Args:
        schedule: ``constant`` or ``onecycle``.
        epoch: Number of the epoch, from 1.
        epochs: Number of epochs of the whole training.
        steps: Number of steps of an epoch.

    Returns:
        Shape ``(steps,)``, 0 to 1; None if it is always 1.
    """
    if schedule == CONSTANT:
        return None
    return one_cycle(epochs * steps)[(epoch - 1) * steps : epoch * steps]


def one_cycle(steps: int) -> NDArray[float64]:
    """Return the factors of one cycle, as ``torch.optim.lr_scheduler.OneCycleLR`` has them.

    They rise from 1/25 to 1 over the first three tenths of the steps, and fall to 1/250,000 of the
    highest rate, along cosines. The momentum, which the scheduler of torch can cycle too, stays as
    it is.

    Args:
        steps: Number of steps.

    Returns:
        Shape ``(steps,)``.

    >>> one_cycle(11).round(3)
    array([0.04 , 0.422, 0.96 , 0.98 , 0.884, 0.726, 0.531, 0.33 , 0.157,
           0.041, 0.   ])
    """
    numbers = np.arange(steps, dtype=np.float64)
    peak = _RISING * steps - 1
    is_rising = numbers <= peak
    risen = _annealed(_FIRST, 1, numbers / max(peak, 1))
    fallen = _annealed(1, _LAST, (numbers - peak) / (steps - 1 - peak))
    return np.where(is_rising, risen, fallen)


def _annealed(start: float, end: float, share: NDArray[float64]) -> NDArray[float64]:
    return end + (start - end) / 2 * (1 + np.cos(np.pi * share))
