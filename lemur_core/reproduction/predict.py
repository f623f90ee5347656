"""Predict samples of the test split with the net of a recorded trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lemur_core.errors import ShapeError
from lemur_core.kinds.loader import DataBundle, Samples, take
from lemur_core.kinds.task import Example
from lemur_core.kinds.transform import as_transform, identity
from lemur_core.train.batches import batches
from lemur_core.train.finite import Outputs
from lemur_core.train.training import precision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.reproduction.restore import Restored
    from lemur_core.trial import Trial


def draw_samples(bundle: DataBundle, count: int, seed: int) -> Samples:
    """Return ``count`` random samples of the test split, or all if it has fewer."""
    order = torch.randperm(len(bundle.test), generator=torch.Generator().manual_seed(seed))
    return take(bundle.test, order[:count].sort().values)


def predict(restored: Restored, samples: Samples) -> list[Example]:
    """Return the predictions of a trained net for samples.

    Args:
        restored: The net, its transform and its data.
        samples: The samples, to which the transform is applied without random numbers.

    Raises:
        NotFiniteError: An output is NaN or infinite.
        ShapeError: The outputs cannot be split into samples.
    """
    training, trial = restored.training, restored.trial
    targets, outputs, seen_outputs = [], [], Outputs("test")
    with torch.inference_mode(), precision(trial.prm, training.device):
        for inputs, batch in training.scored(samples):
            predicted = restored.net(inputs)
            seen_outputs.record(predicted)
            targets += by_sample(batch)
            outputs += by_sample(predicted)
    seen_outputs.check()
    images = _images(trial, restored.bundle, samples)
    return list(map(Example, images, targets, outputs))


def _images(trial: Trial, bundle: DataBundle, samples: Samples) -> Iterator[Tensor]:
    """Yield the images that the net gets, without normalisation."""
    plain = identity(len(bundle.scale.mean))
    transform = as_transform(trial.transform_entry.load(), plain, trial.prm["transform"])
    collate, cpu = bundle.collate, torch.device("cpu")
    for inputs, _ in batches(samples, transform, 1, cpu, training=False, collate=collate):
        yield inputs[0]


def by_sample(batch: Any) -> list[Any]:
    """Return the samples of a batch of outputs or targets, on the CPU.

    Raises:
        ShapeError: The batch is neither a tensor nor a list of dictionaries.
    """
    if isinstance(batch, Tensor):
        return list(batch.cpu())
    if isinstance(batch, list):
        return [{name: _on_cpu(value) for name, value in sample.items()} for sample in batch]
    raise ShapeError(
        f"the net gives {type(batch).__name__}; expected a tensor, or a list of the objects in "
        "each image"
    )


def _on_cpu(value: Any) -> Any:
    return value.cpu() if isinstance(value, Tensor) else value
