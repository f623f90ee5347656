"""Linear models whose penalty is chosen on a validation split."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Ridge:
    """Ridge regressions of several targets on the same features.

    Features are divided by their standard deviation on the training split. The intercept is not
    penalised.

    Args:
        features: Features of the training, validation and test split, each of shape
            ``(samples, features)``.
    """

    def __init__(self, features: Sequence[NDArray[float64]]) -> None:
        mean, scale = _standard(features[0])
        self._train, self._validation, self._test = ((part - mean) / scale for part in features)
        # One decomposition solves the normal equations for all penalties and targets.
        self._sizes, self._directions = _decomposed(self._train)

    def r2(self, targets: Sequence[NDArray[float64]]) -> float:
        """Return the coefficient of determination on the test split.

        Args:
            targets: Targets of the three splits, each of shape ``(samples,)``.

        Returns:
            At most 1; negative if it is worse than the mean of the test targets, NaN if these are
            all alike.
        """
        train, validation, test = targets
        centre = train.mean()
        projected = self._directions.T @ (self._train.T @ (train - centre))
        least, chosen = np.inf, np.zeros(len(self._directions))
        for penalty in PENALTIES:
            coefficients = self._directions @ (projected / (self._sizes + penalty))
            # Unlike R2, the squared error also has a value if all targets are alike.
            error = ((validation - self._validation @ coefficients - centre) ** 2).sum()
            if error < least:
                least, chosen = error, coefficients
        return r2(test, self._test @ chosen + centre)


def _decomposed(features: NDArray[float64]) -> tuple[NDArray[float64], NDArray[float64]]:
    """Return the eigenvalues above zero, and their vectors, of the features' products."""
    samples, count = features.shape
    if samples < count:
        _, sizes, directions = np.linalg.svd(features, full_matrices=False)
        return sizes**2, directions.T
    sizes, directions = np.linalg.eigh(features.T @ features)
    return np.maximum(sizes, 0), directions


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
