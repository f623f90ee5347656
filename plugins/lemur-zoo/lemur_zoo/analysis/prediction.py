"""Predict properties of members from their weights: Table 3 of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lemur_zoo.analysis.diversity import THRESHOLD, is_kept
from lemur_zoo.analysis.linear import Part, Ridge, linear_accuracy
from lemur_zoo.analysis.statistics import statistics_of
from lemur_zoo.storage.header import ZooError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy import float64
    from numpy.typing import NDArray

    from lemur_zoo.zoo import Zoo

SCORES = {"test accuracy": ("test",), "generalisation gap": ("train", "test")}
FACTORS = ("init", "activation", "lr", "dropout", "optimizer", "weight_decay")
"""Factors that are predicted if the members differ in them."""
_SPLITS = ("train", "validation", "test")
_FEWEST = 2
_SPLIT_INDEX = {"train": 0, "validation": 1, "test": 2}


class Predicted(NamedTuple):
    """How well a property is predicted on the members of the test split.

    Attributes:
        target: The property.
        measure: ``R2`` for numbers, ``accuracy`` for names.
        weights: The measure if it is predicted from the weights.
        statistics: The measure if it is predicted from their statistics.
    """

    target: str
    measure: str
    weights: float
    statistics: float


class Sample(NamedTuple):
    """What properties are predicted from.

    Attributes:
        epochs: Numbers of the epochs.
        members: Number of members; others have diverged, lack an epoch, or have a weight beyond the
            threshold.
        left_out: Number of members that are left out.
        tested: Number of samples in the test split.
    """

    epochs: Sequence[int]
    members: int
    left_out: int
    tested: int


def default_epochs(last: int) -> list[int]:
    """Return the epochs 5, 15 and 25, or a tenth, three tenths and a half of a shorter training.

    >>> default_epochs(50), default_epochs(10), default_epochs(1)
    ([5, 15, 25], [1, 3, 5], [1])
    """
    if last >= 25:
        return [5, 15, 25]
    return sorted({max(1, round(last * share)) for share in (0.1, 0.3, 0.5)})


def predict(
    zoo: Zoo,
    epochs: Sequence[int],
    show: Callable[[str], None] = lambda _: None,
    *,
    threshold: float = THRESHOLD,
) -> tuple[list[Predicted], Sample]:
    """Return how well properties are predicted from the weights after some epochs.

    Args:
        zoo: The zoo.
        epochs: Numbers of epochs; a sample is a member after one of them. Members that lack one
            are left out.
        show: Called with the name of each property.
        threshold: Members with a weight beyond it are left out.

    Raises:
        ZooError: A split of the members has too few of them.
    """
    numbers, rows, splits = samples_of(zoo, epochs, threshold)
    weights = np.concatenate([zoo.at(epoch, numbers.tolist()) for epoch in epochs])
    features = (weights.astype(np.float64), statistics_of(weights, zoo.parameters))
    predicted = [
        Predicted(target, measure, *scores)
        for target, measure, scores in measures_of(zoo, rows, splits, features, show)
    ]
    tested = int((splits == "test").sum())
    return predicted, Sample(epochs, len(numbers), len(zoo) - len(numbers), tested)


def samples_of(
    zoo: Zoo, epochs: Sequence[int], threshold: float = THRESHOLD
) -> tuple[NDArray[np.int64], list[tuple[int, int]], NDArray[np.str_]]:
    """Return the members that are kept, the member and epoch of each sample, and its split.

    Samples are in the order of the epochs, and then of the members. Members with a weight beyond
    the threshold after one of the epochs are left out.

    Raises:
        ZooError: A split of the members has too few of them, or a member lacks an epoch.
    """
    numbers = np.flatnonzero(_kept(zoo, epochs, threshold))
    rows = [(int(member), epoch) for epoch in epochs for member in numbers]
    splits = np.array([zoo.population[member].split for member, _ in rows])
    for split in _SPLITS:
        count = int((splits == split).sum())
        if count < _FEWEST:
            raise ZooError(
                f"zoo {zoo.name!r}: {count} samples in the {split} split of members; expected "
                f"{_FEWEST} or more, so make more members"
            )
    return numbers, rows, splits


def measures_of(
    zoo: Zoo,
    rows: Sequence[tuple[int, int]],
    splits: NDArray[np.str_],
    features: Sequence[NDArray[float64]],
    show: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[str, str, list[float]]]:
    """Yield each property, its measure, and how well it is predicted from each kind of features.

    Args:
        zoo: The zoo.
        rows: Member and epoch of each sample.
        splits: Split of each sample.
        features: Kinds of features, each ``(samples, features)``.
        show: Called with the name of each property.
    """
    chosen = [splits == split for split in _SPLITS]
    parts = [[feature[mask] for mask in chosen] for feature in features]
    ridges = [Ridge(part) for part in parts]
    for target, measure, values in _targets(zoo, rows):
        show(target)
        targets = [values[mask] for mask in chosen]
        if measure == "R2":
            yield target, measure, [ridge.r2(targets) for ridge in ridges]
        else:
            scores = [linear_accuracy(*map(Part, part, targets)) for part in parts]
            yield target, measure, scores


def _kept(zoo: Zoo, epochs: Sequence[int], threshold: float) -> NDArray[np.bool_]:
    kept = ~zoo.diverged & (zoo.last_epochs >= max(epochs))
    for epoch in epochs:
        members = np.flatnonzero(kept)
        kept[members] = is_kept(zoo.at(epoch, members.tolist()), threshold)
    return kept


def _targets(
    zoo: Zoo, rows: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, str, NDArray[float64]]]:
    """Yield the properties in which the samples differ, their measures and values."""
    members, epochs = (np.array(part) for part in zip(*rows, strict=True))
    accuracies = zoo.scores[members, epochs, :, 1]
    for target, parts in SCORES.items():
        columns = [accuracies[:, _SPLIT_INDEX[part]] for part in parts]
        values = columns[0] if len(columns) == 1 else columns[0] - columns[1]
        if np.isfinite(values).all() and len(np.unique(values)) > 1:
            yield target, "R2", values
    if len(set(epochs.tolist())) > 1:
        yield "epoch", "R2", epochs.astype(np.float64)
    for name in FACTORS:
        given = [zoo.population[member].values[name] for member in members]
        order = list(dict.fromkeys(given))
        if len(order) == 1:
            continue
        if isinstance(given[0], str):
            yield name, "accuracy", np.array([order.index(value) for value in given], np.float64)
        else:
            yield name, "R2", np.array(given, np.float64)
