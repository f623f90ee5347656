"""Linear models whose penalty is chosen on a validation split."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from numpy import float64, int64
    from numpy.typing import NDArray

PENALTIES = tuple(np.geomspace(1e3, 3e-5, 17).tolist())
"""Penalties of the ridge regression, of which the best on validation is chosen."""
CLASS_PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
"""Penalties of the classifier; the loss is a mean over samples, to which they are relative."""
_ITERATIONS = 200


class Part(NamedTuple):
    """Samples of a split.

    Attributes:
        features: Shape ``(samples, features)``.
        targets: Shape ``(samples,)``.
    """

    features: NDArray[float64]
    targets: NDArray[float64]


def ridge_r2(train: Part, validation: Part, test: Part) -> float:
    """Return the coefficient of determination of a ridge regression on the test split.

    Features are divided by their standard deviation on the training split. The intercept is not
    penalised.

    Returns:
        At most 1; negative if it is worse than the mean of the test targets, NaN if these are all
        alike.
    """
    mean, scale = _standard(train.features)
    prepared = [(part.features - mean) / scale for part in (train, validation, test)]
    centre = train.targets.mean()
    # The solution of the normal equations for every penalty, from one decomposition.
    left, sizes, right = np.linalg.svd(prepared[0], full_matrices=False)
    projected = left.T @ (train.targets - centre)
    best, chosen = -np.inf, np.zeros(len(mean))
    for penalty in PENALTIES:
        coefficients = right.T @ (sizes / (sizes**2 + penalty) * projected)
        score = r2(validation.targets, prepared[1] @ coefficients + centre)
        if score > best:
            best, chosen = score, coefficients
    return r2(test.targets, prepared[2] @ chosen + centre)


def r2(targets: NDArray[float64], predicted: NDArray[float64]) -> float:
    """Return the coefficient of determination; NaN if the targets are all alike.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
    0.5
    """
    total = ((targets - targets.mean()) ** 2).sum()
    if total == 0:
        return float("nan")
    return float(1 - ((targets - predicted) ** 2).sum() / total)


def linear_accuracy(train: Part, validation: Part, test: Part) -> float:
    """Return the accuracy on the test split of a linear layer that predicts classes, 0 to 1.

    It minimises the mean cross-entropy and a penalty of the squared weights.
    """
    mean, scale = _standard(train.features)
    prepared = [
        torch.from_numpy((part.features - mean) / scale) for part in (train, validation, test)
    ]
    classes = int(max(part.targets.max() for part in (train, validation, test))) + 1
    targets = torch.from_numpy(train.targets.astype(np.int64))
    best, chosen = -1.0, 0.0
    for penalty in CLASS_PENALTIES:
        weights = _classifier(prepared[0], targets, classes, penalty)
        score = _accuracy(prepared[1], weights, validation.targets)
        if score > best:
            best, chosen = score, _accuracy(prepared[2], weights, test.targets)
    return chosen


def _classifier(
    features: torch.Tensor, targets: torch.Tensor, classes: int, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    weights = torch.zeros(features.shape[1], classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(features @ weights + bias, targets)
        loss = loss + penalty * (weights**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach(), bias.detach()


def _accuracy(
    features: torch.Tensor, layer: tuple[torch.Tensor, torch.Tensor], targets: NDArray[float64]
) -> float:
    weights, bias = layer
    predicted: NDArray[int64] = (features @ weights + bias).argmax(1).numpy()
    return float((predicted == targets).mean())


def _standard(features: NDArray[float64]) -> tuple[NDArray[float64], NDArray[float64]]:
    scale = features.std(axis=0)
    # A feature that is the same for all members says nothing.
    scale[scale == 0] = 1.0
    return features.mean(axis=0), scale
