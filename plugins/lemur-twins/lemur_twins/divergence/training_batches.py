"""The batches on which two nets are compared: those that a trial sees."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch

from lemur_core import Pattern, compose, dataset_named, installed
from lemur_core.kinds.transform import as_transform
from lemur_core.training import Bundles, batches
from lemur_twins.twin import METRIC, TASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

_CPU = torch.device("cpu")


class TrainingBatches(NamedTuple):
    """The first batches of a training.

    Attributes:
        batches: Inputs, float32, shape ``(batch, channels, height, width)``, and classes, int64.
        epoch_ends: The steps, from 1, after which an epoch ends.
        classes: Number of classes.
    """

    batches: Sequence[tuple[Tensor, Tensor]]
    epoch_ends: Sequence[int]
    classes: int

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of an input."""
        channels, height, width = self.batches[0][0].shape[1:]
        return channels, height, width


def training_batches(
    net: str,
    dataset: str,
    transform: str,
    *,
    batch: int,
    steps: int,
    seed: int,
    data: Path,
) -> TrainingBatches:
    """Return the batches that a trial with this seed trains on, in its order.

    Args:
        net: Name of a net.
        dataset: Name of the dataset, which can be restricted.
        transform: Name of the transform.
        batch: Samples in a batch.
        steps: Number of batches.
        seed: Seed of the trial.
        data: Folder of the datasets.

    Raises:
        SettingsError: The name of the dataset is a pattern.
        UnknownNameError: The dataset or the transform is not installed.
        MisfitError: The net or the transform does not fit the dataset.
        MissingDataError: The dataset is not in the folder.
    """
    name = dataset_named(installed(), dataset, TASK, METRIC)
    # Before the pipeline is composed, where the name can be a pattern.
    entry = installed().get("transform", transform)
    pattern = Pattern((TASK,), (name,), (METRIC,), (net,))
    [pipeline] = compose(installed(), [pattern], [transform])
    bundle = Bundles(data).get(pipeline)
    given = batches(
        bundle.train,
        as_transform(entry.load(), bundle.scale, transform),
        batch,
        _CPU,
        training=True,
        seed=seed,
        collate=bundle.collate,
    )

    def epochs() -> Iterator[tuple[Tensor, Tensor]]:
        number = 1
        while True:
            given.begin(number)
            yield from given
            number += 1

    chosen = [(inputs.clone(), targets.clone()) for inputs, targets in islice(epochs(), steps)]
    ends = range(len(given), steps + 1, len(given))
    return TrainingBatches(chosen, [*ends], bundle.out_shape[0])
