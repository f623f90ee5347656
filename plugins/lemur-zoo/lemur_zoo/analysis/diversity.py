"""How much the members of a zoo differ: Table 2 of the paper, over all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy import bool_, float32, float64, int64
    from numpy.typing import NDArray

THRESHOLD = 5.0
"""Members with a weight beyond it are left out, as in the paper."""


class Spread(NamedTuple):
    """Mean and standard deviation over pairs, or over weights.

    Attributes:
        mean: The mean.
        std: The standard deviation, of the population.
    """

    mean: float
    std: float


def is_kept(weights: NDArray[float32], threshold: float = THRESHOLD) -> NDArray[bool_]:
    """Return which members have finite weights of at most a size, shape ``(members,)``.

    Args:
        weights: Weights of shape ``(members, parameters)``.
        threshold: Largest absolute value; infinity only leaves out weights that are not finite.
    """
    # NaN compares as False.
    is_small = np.abs(weights) <= threshold
    return np.asarray((is_small & np.isfinite(weights)).all(axis=1))


def over_pairs(matrix: NDArray[float64]) -> Spread:
    """Return mean and standard deviation of a symmetric matrix above its diagonal.

    NaN is left out; both are NaN if there is no pair.
    """
    values = matrix[np.triu_indices(len(matrix), 1)]
    values = values[~np.isnan(values)]
    if not len(values):
        return Spread(float("nan"), float("nan"))
    return Spread(float(values.mean()), float(values.std()))


def agreement(classes: NDArray[int64]) -> NDArray[float64]:
    """Return the share of images on which each pair of members predicts the same class, 0 to 1.

    Args:
        classes: Predicted classes of shape ``(members, images)``.

    >>> agreement(np.array([[0, 1, 2], [0, 1, 1]]))[0, 1].round(3)
    np.float64(0.667)
    """
    members, images = classes.shape
    same = np.zeros((members, members))
    for each in np.unique(classes):
        # Counts below 2 to the 24th are exact in float32.
        predicted = (classes == each).astype(np.float32)
        same += predicted @ predicted.T
    return np.asarray(same / images)


def l2_distances(weights: NDArray[float32]) -> NDArray[float64]:
    """Return the distance of each pair of members, divided by the members' mean length.

    Args:
        weights: Weights of shape ``(members, parameters)``.

    >>> l2_distances(np.array([[3.0, 0.0], [0.0, 3.0]], np.float32))[0, 1].round(3)
    np.float64(1.414)
    """
    products = _products(weights)
    squares = np.diagonal(products)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))
    np.fill_diagonal(distances, 0)
    return np.asarray(distances / np.sqrt(squares).mean())


def cosine_distances(weights: NDArray[float32]) -> NDArray[float64]:
    """Return one minus the cosine of the angle between each pair of members, 0 to 2.

    Args:
        weights: Weights of shape ``(members, parameters)``.
    """
    products = _products(weights)
    lengths = np.sqrt(np.diagonal(products))
    return np.asarray(1 - products / (lengths[:, None] * lengths))


def cka(representations: NDArray[float32]) -> NDArray[float64]:
    """Return the linear centred kernel alignment of each pair of members, 0 to 1.

    Kornblith, Norouzi, Lee, Hinton: Similarity of Neural Network Representations Revisited, 2019.
    It is NaN for a member that represents all images alike.

    Args:
        representations: Features of images, shape ``(members, images, features)``.
    """
    centred = representations - representations.mean(axis=1, keepdims=True, dtype=np.float64)
    kernels = centred @ centred.transpose(0, 2, 1)
    flat = kernels.reshape(len(kernels), -1)
    lengths = np.sqrt((flat**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(flat @ flat.T / (lengths[:, None] * lengths))


def _products(weights: NDArray[float32]) -> NDArray[float64]:
    exact = weights.astype(np.float64)
    return exact @ exact.T
