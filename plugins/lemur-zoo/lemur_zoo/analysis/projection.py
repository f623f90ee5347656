"""Coordinates of members in a plane, from their weights."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy import float32, float64
    from numpy.typing import NDArray


FEWEST_NEIGHBOURS = 15
"""UMAP takes as many neighbours of each member into account, so it needs more members."""


def umap_coordinates(weights: NDArray[float32]) -> NDArray[float64]:
    """Return the members' coordinates in UMAP's plane, shape ``(members, 2)``.

    McInnes, Healy, Melville: UMAP: Uniform Manifold Approximation and Projection, 2018.

    Args:
        weights: Weights of shape ``(members, parameters)``, of more than `FEWEST_NEIGHBOURS`
            members.

    Raises:
        ImportError: umap-learn is not installed.
    """
    # It warns of what other libraries deprecate, and if TensorFlow is missing.
    with warnings.catch_warnings(action="ignore"):
        import umap

        # With a seed it uses one thread in any case.
        reducer = umap.UMAP(n_neighbors=FEWEST_NEIGHBOURS, random_state=0, n_jobs=1)
        return np.asarray(reducer.fit_transform(weights), np.float64)


def principal_components(
    weights: NDArray[float32], count: int = 2
) -> tuple[NDArray[float64], NDArray[float64]]:
    """Return the members' coordinates along the directions in which they differ most.

    Args:
        weights: Weights of shape ``(members, parameters)``.
        count: Number of directions.

    Returns:
        Coordinates of shape ``(members, count)``, and the share of the variance of each, 0 to 1.
        The largest coordinate of each direction is positive.
    """
    centred = weights.astype(np.float64)
    centred -= centred.mean(axis=0)
    # Members are fewer than parameters, so their products are the smaller matrix.
    values, vectors = np.linalg.eigh(centred @ centred.T)
    order = np.argsort(values)[::-1][:count]
    sizes = np.maximum(values[order], 0)
    coordinates = vectors[:, order] * np.sqrt(sizes)
    signs = np.sign(coordinates[np.abs(coordinates).argmax(axis=0), np.arange(len(order))])
    total = max(float(values.sum()), np.finfo(float).tiny)
    return coordinates * np.where(signs == 0, 1, signs), sizes / total
