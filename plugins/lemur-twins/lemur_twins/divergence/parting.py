"""The first quantity in which two nets part beyond float noise."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_twins.divergence.sides import GRADIENT, VARIANTS, Quantity, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_twins.backends.pytorch import PyTorchClassifier
    from lemur_twins.parity import Pair

    Array = NDArray[Any]
    Batch = tuple[Tensor, Tensor]

UNITS = 100.0
"""Nets part where they differ by more than so many units of noise."""
_FLOAT = float(np.finfo(np.float32).eps)


class QuantityDifference(NamedTuple):
    """How far apart a quantity is in two nets.

    Attributes:
        step: Number of the step, from 1.
        place: Its place in the order in which a step computes, from 0.
        quantity: The quantity.
        apart: The largest absolute difference, relative to the largest value of the quantity;
            of gradients, to the largest gradient of the net.
        noise: The same between PyTorch and itself, computing in another way, at least the
            precision of float32.
    """

    step: int
    place: int
    quantity: Quantity
    apart: float
    noise: float

    @property
    def units(self) -> float:
        """The difference in units of noise."""
        return self.apart / self.noise

    @property
    def is_beyond_noise(self) -> bool:
        """Whether it is larger than noise explains."""
        return not self.apart <= UNITS * self.noise


def first_parting(
    pair: Pair, batches: Sequence[Batch], epoch_ends: Iterable[int] = ()
) -> tuple[QuantityDifference | None, QuantityDifference | None]:
    """Train both nets of a pair on the same batches, up to where they part.

    Args:
        pair: The nets, which have the same weights.
        batches: The batches of the steps.
        epoch_ends: Numbers of the steps, from 1, after which the learning rate may change.

    Returns:
        The first difference that noise does not explain, and the largest one in units of noise
        before it; None if there is none.
    """
    largest: QuantityDifference | None = None
    for difference in differences(pair, batches, epoch_ends):
        if difference.is_beyond_noise:
            return difference, largest
        if largest is None or difference.units > largest.units:
            largest = difference
    return None, largest


def differences(
    pair: Pair, batches: Sequence[Batch], epoch_ends: Iterable[int] = ()
) -> Iterator[QuantityDifference]:
    """Yield the difference of each quantity of each step, in the order of computation."""
    ends = {*epoch_ends}
    again = [Side(_copy(pair), computing) for computing in VARIANTS.values()]
    first, other = Side(pair.torch), Side(pair.other)
    for step, batch in enumerate(batches, 1):
        values = first.step(*batch)
        noises = [side.step(*batch) for side in again]
        others = other.step(*batch)
        largest = max((_size(values[at]) for at in values if at.kind == GRADIENT), default=0.0)
        for place, (quantity, value) in enumerate(values.items()):
            # Layers without weights have no names in all frameworks.
            if quantity not in others:
                continue
            scale = largest if quantity.kind == GRADIENT else _size(value)
            noise = max(_apart(value, noisy[quantity], scale) for noisy in noises)
            apart = _apart(value, others[quantity], scale)
            yield QuantityDifference(step, place, quantity, apart, max(noise, _FLOAT))
        if step in ends:
            for side in (first, other, *again):
                side.end_epoch()


def _copy(pair: Pair) -> PyTorchClassifier:
    """Return a copy of the PyTorch net of a pair, which is not trained yet."""
    copy = deepcopy(pair.torch)
    # A copied schedule does not notice the steps of its optimizer.
    copy.train_setup(pair.prm)
    return copy


def _apart(reference: Array, other: Array, scale: float) -> float:
    if reference.shape != other.shape:
        return np.inf
    # Where both overflow, both are NaN or the same infinity.
    same = (reference == other) | (np.isnan(reference) & np.isnan(other))
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(same, 0.0, np.abs(reference - other))
    largest = float(difference.max(initial=0.0))
    if not np.isfinite(largest):
        return np.inf
    return largest / scale if scale else (np.inf if largest else 0.0)


def _size(array: Array) -> float:
    """Return the largest finite value."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))
