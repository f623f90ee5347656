"""The statistics of weights from which properties of members are predicted.

Unterthiner, Keysers, Gelly, Bousquet, Tolstikhin: Predicting Neural Network Accuracy from Weights,
2020.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.parameters import Parameter

PERCENTILES = (1, 25, 50, 75, 99)


def statistics_of(weights: NDArray[float32], parameters: Sequence[Parameter]) -> NDArray[float64]:
    """Return mean, variance and `PERCENTILES` of the weights and the biases of each layer.

    Args:
        weights: Weights of shape ``(members, parameters)``.
        parameters: The parameters in the order in which they are stored.

    Returns:
        Seven features of each parameter tensor, shape ``(members, 7 * tensors)``: 70 of a net with
        five layers with biases.
    """
    ends = np.cumsum([0, *(parameter.elements for parameter in parameters)])
    exact = weights.astype(np.float64)
    return np.concatenate([_seven(exact[:, start:end]) for start, end in pairwise(ends)], axis=1)


def _seven(values: NDArray[float64]) -> NDArray[float64]:
    percentiles = np.percentile(values, PERCENTILES, axis=1)
    return np.stack([values.mean(axis=1), values.var(axis=1), *percentiles], axis=1)
