"""What an embedding tells about members: the targets of Table 3, beside their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.analysis.prediction import measures_of, samples_of
from lemur_zoo.analysis.statistics import statistics_of
from lemur_zoo.embedding.autoencoder import embed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_zoo.embedding.autoencoder import AutoEncoder
    from lemur_zoo.zoo import Zoo


class Judged(NamedTuple):
    """How well a property of the members of the test split is predicted.

    Attributes:
        target: The property.
        measure: ``R2`` for numbers, ``accuracy`` for names.
        weights: The measure if it is predicted from the weights.
        statistics: The measure if it is predicted from their statistics.
        embedding: The measure if it is predicted from the embedding.
    """

    target: str
    measure: str
    weights: float
    statistics: float
    embedding: float


def judge(zoo: Zoo, model: AutoEncoder, epochs: Sequence[int]) -> list[Judged]:
    """Return how well properties are predicted by linear models; see `lemur_zoo.analysis`.

    The auto-encoder was trained on the training members alone, as the linear models are.

    Args:
        zoo: The zoo.
        model: The auto-encoder.
        epochs: Numbers of epochs that all members have; a sample is a member after one of them.

    Raises:
        ZooError: A split of the members has too few of them, or a member lacks an epoch.
    """
    numbers, rows, splits = samples_of(zoo, epochs)
    weights = np.concatenate([zoo.at(epoch, numbers.tolist()) for epoch in epochs])
    kinds = (
        weights.astype(np.float64),
        statistics_of(weights, zoo.parameters),
        embed(model, weights).astype(np.float64),
    )
    return [
        Judged(target, measure, *scores)
        for target, measure, scores in measures_of(zoo, rows, splits, kinds)
    ]
