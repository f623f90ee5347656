"""How right members are, class by class, and whether they know it: calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lemur_zoo.engine.together import losses_of, predictions
from lemur_zoo.evaluation import alike_members, zoo_layers

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray
    from pandas import DataFrame
    from torch import Tensor

    from lemur_zoo.members import SplitArrays
    from lemur_zoo.zoo import Zoo

BINS = 15
"""Number of bins of the calibration error."""


def calibration_error(probabilities: Tensor, targets: Tensor, bins: int = BINS) -> float:
    """Return the expected calibration error, 0 to 1.

    Samples are put in bins of equal width by the probability of their predicted class. The
    difference between the mean of this probability and the accuracy is averaged over the bins,
    weighted by their number of samples (Guo, Pleiss, Sun, Weinberger: On Calibration of Modern
    Neural Networks, ICML 2017, equation 3).

    Args:
        probabilities: Class probabilities, ``(samples, classes)``.
        targets: Classes, ``(samples,)``.
        bins: Number of bins.

    Examples:
        Always certain, and right every second time:

        >>> calibration_error(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        0.5
    """
    confidence, predicted = probabilities.double().max(dim=1)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    places = (torch.bucketize(confidence, edges, right=True) - 1).clamp(0, bins - 1)
    gaps = (predicted == targets).double() - confidence
    totals = torch.zeros(bins, dtype=torch.float64).index_add(0, places, gaps)
    return float(totals.abs().sum() / len(targets))


def class_accuracies(
    predicted: NDArray[int64], targets: NDArray[int64], classes: int
) -> list[float]:
    """Return the share of each class's samples that is predicted as it; NaN if it has none.

    Args:
        predicted: Predicted classes, ``(samples,)``.
        targets: True classes, ``(samples,)``.
        classes: Number of classes.

    Examples:
        >>> class_accuracies(np.array([0, 1, 1]), np.array([0, 0, 1]), 3)
        [0.5, 1.0, nan]
    """
    right = np.bincount(targets[predicted == targets], minlength=classes)
    counts = np.bincount(targets, minlength=classes)
    return [
        float(hits / count) if count else float("nan")
        for hits, count in zip(right, counts, strict=True)
    ]


def zoo_confidence(zoo: Zoo, images: SplitArrays) -> DataFrame:
    """Return a row for each member: how right it is, and how well calibrated, after its last epoch.

    The columns are ``member``, ``accuracy``, ``loss`` (mean cross-entropy), ``brier`` (mean squared
    distance between the class probabilities and those of the true class, 0 to 2),
    ``calibration_error``, ``confidence`` (mean probability of the predicted class), and
    ``class_0``, ``class_1``, ... (`class_accuracies`). Members that have diverged are left out.

    Args:
        zoo: The zoo.
        images: Images of the zoo.

    Raises:
        ZooError: All members have diverged, or their net is not a chain of layers.
    """
    from pandas import DataFrame

    targets = torch.from_numpy(images.targets)
    classes = zoo.header.classes
    rows = []
    for numbers in alike_members(zoo).values():
        layers = zoo_layers(zoo, numbers[0])
        members = iter(numbers)
        for part in predictions(layers, zoo.at(-1, numbers), images):
            losses = losses_of(part.double(), targets)
            for scores, loss in zip(part, losses.tolist(), strict=True):
                row = {"member": next(members), "loss": loss}
                rows.append(row | _measures(scores, targets, classes))
    return DataFrame(rows).sort_values("member", ignore_index=True)


def _measures(scores: Tensor, targets: Tensor, classes: int) -> dict[str, float]:
    probabilities = scores.double().softmax(1)
    predicted = scores.argmax(1)
    distances = (probabilities - torch.eye(classes, dtype=torch.float64)[targets]).square().sum(1)
    of_classes = class_accuracies(predicted.numpy(), targets.numpy(), classes)
    return {
        "accuracy": float((predicted == targets).double().mean()),
        "brier": float(distances.mean()),
        "calibration_error": calibration_error(probabilities, targets),
        "confidence": float(probabilities.amax(1).mean()),
        **{f"class_{index}": value for index, value in enumerate(of_classes)},
    }
