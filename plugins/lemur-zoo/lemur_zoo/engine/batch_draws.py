"""The random numbers of a batch of each member, in the layout of `lemur_zoo.engine.together`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_zoo import draws

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import float32, int64
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_zoo.members import MemberSettings


class BatchDraws:
    """What is drawn for the samples at some positions of an epoch.

    Args:
        members: The members.
        epoch: Number of the epoch.
        positions: Positions of the samples in the epoch, ``(samples,)``.
    """

    def __init__(self, members: MemberSettings, epoch: int, positions: NDArray[int64]) -> None:
        self._members, self._seeds = members, members.seeds
        self._epoch, self._positions = epoch, positions

    def dropout(self, layer: int, values: Tensor) -> Tensor:
        """Return what dropout makes of values, given the number of the dropout layer."""
        if not self._members.dropout.any():
            return values
        place = self._epoch, layer, self._positions

        def factors(member: int, elements: int) -> NDArray[float32]:
            seed, share = (column[member] for column in (self._seeds, self._members.dropout))
            return draws.dropout(seed, *place, elements, share)

        return values * self._drawn(values, factors)

    def normal(self, layer: int, values: Tensor) -> Tensor:
        """Return standard normal numbers in the shape of values, given the noisy layer's number."""
        place = self._epoch, layer, self._positions
        return self._drawn(
            values, lambda member, elements: draws.normal(self._seeds[member], *place, elements)
        )

    def _drawn(self, x: Tensor, draw: Callable[[int, int], NDArray[float32]]) -> Tensor:
        """Return numbers in the shape of values, given what draws those of a member."""
        count = len(self._seeds)
        shape = x.unflatten(1, (count, -1)).shape if x.dim() == 4 else x.transpose(0, 1).shape
        elements = shape[2:].numel()
        numbers = np.stack([draw(member, elements) for member in range(count)], axis=1)
        drawn = torch.from_numpy(numbers).to(x.device).view(shape)
        if x.dim() == 3:
            return drawn.transpose(0, 1)
        return drawn.flatten(1, 2).contiguous(memory_format=torch.channels_last)
