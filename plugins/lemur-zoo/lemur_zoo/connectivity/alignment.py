"""Align the units of a net with those of another: weight matching.

Ainsworth, Hayase, Srinivasa: Git Re-Basin: Merging Models modulo Permutation Symmetries, ICLR 2023
(section 3.2 and algorithm 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.connectivity.units import LayerWeights, Permutations, Units

_SWEEPS = 100
# A gain that rounding can explain is none.
_LEAST_GAIN = 1e-12


def align(
    units: Units, reference: NDArray[float32], row: NDArray[float32], seed: int = 0
) -> Permutations:
    """Return the permutations of a net's units that make its weights most alike another's.

    The sum of the products of corresponding weights is maximised, layer by layer in random order
    until none improves it. This begins from two points, of which the better end counts: the order
    given, and an order that matches the layers from first to last by what they read. The second one
    recovers the permutation of a net whose units were permuted.

    Args:
        units: The units of both nets.
        reference: Parameters of the net to align with, ``(parameters,)``.
        row: Parameters of the net whose units are permuted.
        seed: Seed of the order of the layers.

    Returns:
        What `Units.permute` takes.
    """
    fixed = units.split(reference.astype(np.float64))
    moved = units.split(row.astype(np.float64))
    generator = np.random.default_rng(seed)
    starts = (list(units.identity()), _forward(fixed, moved))
    ends = [_ascend(fixed, moved, start, generator) for start in starts]
    return max(ends, key=lambda end: _likeness(fixed, moved, end))


def _forward(fixed: list[LayerWeights], moved: list[LayerWeights]) -> list[NDArray[np.int64]]:
    permutations: list[NDArray[np.int64]] = []
    for index in range(len(fixed) - 1):
        permutations.append(_best(_incoming(fixed, moved, permutations, index)))
    return permutations


def _ascend(
    fixed: list[LayerWeights],
    moved: list[LayerWeights],
    start: list[NDArray[np.int64]],
    generator: np.random.Generator,
) -> list[NDArray[np.int64]]:
    permutations, likeness = list(start), _likeness(fixed, moved, start)
    for _ in range(_SWEEPS):
        for index in generator.permutation(len(permutations)):
            gains = _incoming(fixed, moved, permutations, index) + _outgoing(
                fixed, moved, permutations, index
            )
            permutations[index] = _best(gains)
        after = _likeness(fixed, moved, permutations)
        if after <= likeness + _LEAST_GAIN * abs(likeness):
            break
        likeness = after
    return permutations


def _incoming(
    fixed: list[LayerWeights], moved: list[LayerWeights], permutations: Permutations, index: int
) -> NDArray[float64]:
    """Return the products of what two units read, for each unit of one net and of the other."""
    weight = moved[index].weight if index == 0 else moved[index].weight[:, permutations[index - 1]]
    own, other = fixed[index].weight, weight
    products: NDArray[float64] = own.reshape(len(own), -1) @ other.reshape(len(other), -1).T
    if len(fixed[index].bias):
        products = products + np.outer(fixed[index].bias, moved[index].bias)
    return products


def _outgoing(
    fixed: list[LayerWeights], moved: list[LayerWeights], permutations: Permutations, index: int
) -> NDArray[float64]:
    """Return the products of what the next layer reads of two units."""
    weight = moved[index + 1].weight
    if index + 1 < len(permutations):
        weight = weight[permutations[index + 1]]
    products: NDArray[float64] = np.einsum("ouk,ovk->uv", fixed[index + 1].weight, weight)
    return products


def _best(products: NDArray[float64]) -> NDArray[np.int64]:
    columns: NDArray[np.int64] = linear_sum_assignment(products, maximize=True)[1]
    return columns


def _likeness(
    fixed: list[LayerWeights], moved: list[LayerWeights], permutations: Permutations
) -> float:
    """Return the sum of the products of all corresponding weights."""
    total = 0.0
    for index, (own, other) in enumerate(zip(fixed, moved, strict=True)):
        weight, bias = other
        if index > 0:
            weight = weight[:, permutations[index - 1]]
        if index < len(permutations):
            weight = weight[permutations[index]]
            bias = bias[permutations[index]] if len(bias) else bias
        total += float((own.weight * weight).sum() + (own.bias * bias).sum())
    return total
