"""How members move through the space of their weights: speed, curvature and angles of trajectories.

A trajectory is a polygon, whose corners are the weights after each epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from pandas import DataFrame

    from lemur_zoo.zoo import Zoo


class Dynamics(NamedTuple):
    """The movement of a member; each attribute has a value for each epoch, shape ``(epochs,)``.

    Attributes:
        speed: Distance to the epoch before, per epoch; NaN for the first.
        turn: Angle between the step to an epoch and the step from it, in degrees, from 0 (straight
            on) to 180 (back); NaN for the first and last, and where a step is 0.
        curvature: Menger curvature, the inverse radius of the circle through an epoch and its two
            neighbours (Menger: Untersuchungen über allgemeine Metrik, 1930); NaN for the first and
            last, and where two of the three are the same point.
        length: Length of the trajectory so far.
        distance: Distance to the first epoch.
        angle: Angle between the weights and those of the first epoch, seen from 0, in degrees.
    """

    speed: NDArray[float64]
    turn: NDArray[float64]
    curvature: NDArray[float64]
    length: NDArray[float64]
    distance: NDArray[float64]
    angle: NDArray[float64]


def dynamics_of(weights: NDArray[np.floating]) -> Dynamics:
    """Return the movement of a member.

    Args:
        weights: Its weights after each epoch, ``(epochs, parameters)``.

    Examples:
        A square: its corners lie on a circle whose radius is half of its diagonal.

        >>> corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        >>> dynamics_of(corners).turn
        array([nan, 90., 90., nan])
        >>> 1 / dynamics_of(corners).curvature.round(4)
        array([       nan, 0.70711356, 0.70711356,        nan])
        >>> dynamics_of(corners).length
        array([0., 1., 2., 3.])
    """
    points = np.asarray(weights, np.float64)
    steps = np.diff(points, axis=0)
    speed = np.linalg.norm(steps, axis=1)
    chords = np.linalg.norm(points[2:] - points[:-2], axis=1)
    turn = _angles(steps[:-1], steps[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        # The turn is the outer angle of the triangle, whose sine is that of the inner one.
        curvature = np.where(chords > 0, 2 * np.sin(turn) / chords, np.nan)
    return Dynamics(
        np.concatenate([[np.nan], speed])[: len(points)],
        _between(np.degrees(turn), len(points)),
        _between(curvature, len(points)),
        np.concatenate([[0.0], np.cumsum(speed)])[: len(points)],
        np.linalg.norm(points - points[:1], axis=1),
        np.degrees(_angles(points, points[:1])),
    )


def _angles(steps: NDArray[float64], other: NDArray[float64]) -> NDArray[float64]:
    """Return the angle between each pair of rows, in radians; NaN where a row is 0.

    The arctangent is exact for small angles too, where the arccosine is not (Kahan: How Futile are
    Mindless Assessments of Roundoff, 2006).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        first = steps / np.linalg.norm(steps, axis=1, keepdims=True)
        second = other / np.linalg.norm(other, axis=1, keepdims=True)
    difference = np.linalg.norm(first - second, axis=1)
    angles: NDArray[float64] = 2 * np.arctan2(difference, np.linalg.norm(first + second, axis=1))
    return angles


def _between(values: NDArray[float64], count: int) -> NDArray[float64]:
    return np.concatenate([[np.nan], values, [np.nan]])[:count] if count > 1 else np.array([np.nan])


def zoo_dynamics(zoo: Zoo) -> DataFrame:
    """Return a row for each member and epoch: ``member``, ``epoch``, and those of `Dynamics`.

    Members without a whole epoch have no row.
    """
    from pandas import DataFrame, concat

    first = zoo.header.first_epoch
    frames = []
    for member, last in enumerate(zoo.last_epochs):
        epochs = range(first, int(last) + 1)
        if not epochs:
            continue
        weights = np.stack([zoo.weights(member, epoch) for epoch in epochs])
        columns = dynamics_of(weights)._asdict()
        frames.append(DataFrame({"member": member, "epoch": epochs, **columns}))
    if not frames:
        return DataFrame(columns=["member", "epoch", *Dynamics._fields])
    return concat(frames, ignore_index=True)
