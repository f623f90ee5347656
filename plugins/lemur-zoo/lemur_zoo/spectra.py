"""The singular values of members' weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy import float64, floating
    from numpy.typing import NDArray
    from pandas import DataFrame

    from lemur_zoo.zoo import Zoo


class Spectrum(NamedTuple):
    """What the singular values of a matrix tell.

    Attributes:
        norm: The largest one: the spectral norm.
        stable_rank: Their sum of squares divided by the largest square, from 1 to the rank
            (Rudelson, Vershynin: Sampling from large matrices, 2007).
        effective_rank: Exponential of the entropy of their shares of the sum, from 1 to the rank
            (Roy, Vetterli: The effective rank, EUSIPCO 2007).
        condition: The largest divided by the smallest; infinite if that is 0.
    """

    norm: float
    stable_rank: float
    effective_rank: float
    condition: float


def spectrum_of(values: NDArray[floating]) -> Spectrum:
    """Return what singular values tell; the ranks of zeros alone are NaN.

    Args:
        values: Singular values in descending order.

    Examples:
        >>> spectrum_of(np.array([2.0, 2.0, 2.0])).stable_rank
        3.0
        >>> spectrum_of(np.array([3.0, 0.0])).effective_rank
        1.0
    """
    exact = values.astype(np.float64)
    largest, smallest = float(exact[0]), float(exact[-1])
    if not largest > 0:
        return Spectrum(largest, float("nan"), float("nan"), float("nan"))
    shares = exact[exact > 0] / exact.sum()
    entropy = -float((shares * np.log(shares)).sum())
    return Spectrum(
        largest,
        float(((exact / largest) ** 2).sum()),
        float(np.exp(entropy)),
        largest / smallest if smallest > 0 else float("inf"),
    )


def singular_values(weights: NDArray[floating]) -> NDArray[float64]:
    """Return the singular values of layers' weights in descending order, ``(members, values)``.

    Args:
        weights: Weights, ``(members, outputs, ...)``. The kernel of a convolution is the matrix of
            its output channels and all that each of them reads.
    """
    matrices = weights.reshape(*weights.shape[:2], -1).astype(np.float64)
    values: NDArray[float64] = np.linalg.svd(matrices, compute_uv=False).astype(np.float64)
    return values


def zoo_spectra(zoo: Zoo, epoch: int = -1) -> DataFrame:
    """Return a row for each member and layer: ``member``, ``layer``, and those of `Spectrum`.

    Members that have diverged, or do not have the epoch, are left out.

    Args:
        zoo: The zoo.
        epoch: Number of the epoch; -1 is each member's last.
    """
    from pandas import DataFrame

    first = zoo.header.first_epoch
    least = first if epoch < 0 else epoch
    kept = np.flatnonzero((zoo.last_epochs >= least) & ~zoo.diverged).tolist()
    rows = []
    start = 0
    weights = zoo.at(epoch, kept)
    for parameter in zoo.parameters:
        part = weights[:, start : start + parameter.elements]
        start += parameter.elements
        if len(parameter.shape) < 2 or not kept:
            continue
        values = singular_values(part.reshape(len(kept), *parameter.shape))
        rows += [
            {"member": member, "layer": parameter.name, **spectrum_of(of_member)._asdict()}
            for member, of_member in zip(kept, values, strict=True)
        ]
    return DataFrame(rows, columns=["member", "layer", *Spectrum._fields])
