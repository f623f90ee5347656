"""Averages of members' weights (soups), and the ensemble of their predictions.

Wortsman et al.: Model soups: averaging weights of multiple fine-tuned models improves accuracy
without increasing inference time, ICML 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from lemur_zoo.connectivity.alignment import align
from lemur_zoo.engine.together import loss_and_accuracy, predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.connectivity.units import Units
    from lemur_zoo.layers import Layers
    from lemur_zoo.members import SplitArrays


class Average(NamedTuple):
    """A net made from members, or several of them together.

    Attributes:
        name: What it is.
        members: Number of members that it consists of.
        validation: Accuracy on the validation images, 0 to 1.
        test: Accuracy on the test images, 0 to 1.
    """

    name: str
    members: int
    validation: float
    test: float


def averages_of(
    layers: Layers,
    units: Units,
    rows: NDArray[float32],
    validation: SplitArrays,
    test: SplitArrays,
) -> list[Average]:
    """Return the accuracies of averages of members, beside those of the members.

    Units are aligned with the member whose validation accuracy is highest.

    Args:
        layers: The layers of their net.
        units: The units of their net.
        rows: Parameters of the members, ``(members, parameters)``.
        validation: The validation images.
        test: The test images.
    """
    splits = (validation, test)
    scores = np.stack([_accuracies(layers, rows, split) for split in splits])
    best = int(np.argmax(scores[0]))
    aligned = np.stack([units.permute(row, align(units, rows[best], row)) for row in rows])
    order = np.argsort(-scores[0], kind="stable").tolist()
    averages = [
        Average("best member", 1, *map(float, scores[:, best])),
        Average("mean of members", 1, *map(float, scores.mean(1))),
        Average("ensemble", len(rows), *(ensemble_accuracy(layers, rows, s) for s in splits)),
    ]
    for name, candidates in (("", rows), (", aligned", aligned)):
        chosen = greedy_soup(layers, candidates, order, validation)
        for kind, numbers in (("soup of all", order), ("greedy soup", chosen)):
            soup = average(candidates[numbers])[None]
            reached = (float(_accuracies(layers, soup, split)[0]) for split in splits)
            averages.append(Average(f"{kind}{name}", len(numbers), *reached))
    return averages


def greedy_soup(
    layers: Layers, rows: NDArray[float32], order: Sequence[int], images: SplitArrays
) -> list[int]:
    """Return the members whose average is taken if each is added unless the accuracy falls.

    Args:
        layers: The layers of their net.
        rows: Parameters of the members, ``(members, parameters)``.
        order: The order in which they are added, best first.
        images: Images on which the accuracy is measured.
    """
    chosen = [order[0]]
    reached = _accuracies(layers, rows[chosen], images)[0]
    for member in order[1:]:
        accuracy = _accuracies(layers, average(rows[[*chosen, member]])[None], images)[0]
        if accuracy >= reached:
            chosen.append(member)
            reached = accuracy
    return chosen


def ensemble_accuracy(layers: Layers, rows: NDArray[float32], images: SplitArrays) -> float:
    """Return the accuracy of the mean of the members' class probabilities, 0 to 1."""
    total = sum(scores.double().softmax(2).sum(0) for scores in predictions(layers, rows, images))
    assert isinstance(total, torch.Tensor)
    return float((total.argmax(1).numpy() == images.targets).mean())


def average(rows: NDArray[float32]) -> NDArray[float32]:
    """Return the mean of members' parameters, ``(parameters,)``."""
    mean: NDArray[float32] = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _accuracies(layers: Layers, rows: NDArray[float32], images: SplitArrays) -> NDArray[float64]:
    accuracies: NDArray[float64] = loss_and_accuracy(layers, rows, images)[1].numpy()
    return accuracies
