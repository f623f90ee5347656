"""Linear mode connectivity: the scores of nets on the straight line between two members."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.connectivity.alignment import align
from lemur_zoo.engine.together import loss_and_accuracy

if TYPE_CHECKING:
    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.connectivity.units import Units
    from lemur_zoo.layers import Layers
    from lemur_zoo.members import SplitArrays


class Path(NamedTuple):
    """The scores on a line between two nets, each of shape ``(points,)``.

    Attributes:
        shares: Share of the second net, 0 to 1.
        losses: Mean cross-entropy.
        accuracies: Accuracy, 0 to 1.
    """

    shares: NDArray[float64]
    losses: NDArray[float64]
    accuracies: NDArray[float64]

    @property
    def barrier(self) -> float:
        """How far the loss rises above the line between those of the ends, 0 or above.

        Entezari, Sedghi, Saukh, Neyshabur: The Role of Permutation Invariance in Linear Mode
        Connectivity of Neural Networks, ICLR 2022 (definition 2.1). NaN if a loss is not finite.
        """
        return _rise(self.shares, self.losses)

    @property
    def accuracy_barrier(self) -> float:
        """How far the accuracy falls below the line between those of the ends, 0 or above."""
        return _rise(self.shares, -self.accuracies)


def _rise(shares: NDArray[float64], values: NDArray[float64]) -> float:
    line = values[0] + shares * (values[-1] - values[0])
    # The ends are on the line, whatever rounding makes of it.
    return max(0.0, float(rise)) if np.isfinite(rise := (values - line).max()) else float("nan")


def path_between(
    layers: Layers,
    first: NDArray[float32],
    other: NDArray[float32],
    images: SplitArrays,
    points: int = 11,
) -> Path:
    """Return the scores on the straight line between two nets.

    Args:
        layers: The layers of both nets.
        first: Parameters of the net where the line begins, ``(parameters,)``.
        other: Parameters of the net where it ends.
        images: The images that are scored.
        points: Number of points, ends included.
    """
    shares = np.linspace(0, 1, points)
    rows = first + shares[:, None].astype(np.float32) * (other - first)
    rows[-1] = other
    losses, accuracies = loss_and_accuracy(layers, rows.astype(np.float32), images)
    return Path(shares, losses.numpy(), accuracies.numpy())


class Connection(NamedTuple):
    """The lines between two members.

    Attributes:
        plain: The line between them as they are.
        aligned: The line to the second member with its units permuted.
    """

    plain: Path
    aligned: Path


def connect(
    layers: Layers,
    units: Units,
    first: NDArray[float32],
    other: NDArray[float32],
    images: SplitArrays,
    points: int = 11,
) -> Connection:
    """Return the lines between two members, with and without alignment of the second one."""
    aligned = units.permute(other, align(units, first, other))
    return Connection(
        path_between(layers, first, other, images, points),
        path_between(layers, first, aligned, images, points),
    )
