"""What the net of a recorded trial says of some samples of the test split."""

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

    from lemur_core.reproduction.trained import Trained
    from lemur_core.trial import Trial


def draw_samples(bundle: DataBundle, count: int, seed: int) -> Samples:
    """Return so many samples of the test split, or all that there are, drawn by a seed."""
    order = torch.randperm(len(bundle.test), generator=torch.Generator().manual_seed(seed))
    return take(bundle.test, order[:count].sort().values)


def predict(trained: Trained, samples: Samples) -> list[Example]:
    """Return what a trained net predicts of samples.

    Args:
        trained: The net, its transform and its data.
        samples: They go through the transform, which draws nothing at random.

    Raises:
        NotFiniteError: An output is NaN or infinite.
        ShapeError: The outputs cannot be taken apart sample by sample.
    """
    training, trial = trained.training, trained.trial
    targets, outputs, seen = [], [], Outputs("test")
    with torch.inference_mode(), precision(trial.prm, training.device):
        for inputs, batch in training.scored(samples):
            predicted = trained.net(inputs)
            seen.record(predicted)
            targets += _each(batch)
            outputs += _each(predicted)
    seen.check()
    images = _images(trial, trained.bundle, samples)
    return list(map(Example, images, targets, outputs))


def _images(trial: Trial, bundle: DataBundle, samples: Samples) -> Iterator[Tensor]:
    """Yield what the net is fed, but for the normalisation."""
    plain = identity(len(bundle.scale.mean))
    transform = as_transform(trial.transform_entry.load(), plain, trial.prm["transform"])
    collate, cpu = bundle.collate, torch.device("cpu")
    for inputs, _ in batches(samples, transform, 1, cpu, training=False, collate=collate):
        yield inputs[0]


def _each(batch: Any) -> list[Any]:
    """Return a batch's parts, one for each sample, on the CPU."""
    if isinstance(batch, Tensor):
        return list(batch.cpu())
    if isinstance(batch, list):
        return [{name: _on_cpu(value) for name, value in one.items()} for one in batch]
    raise ShapeError(
        f"the net gives {type(batch).__name__}; only tensors and lists of boxes can be drawn"
    )


def _on_cpu(value: Any) -> Any:
    return value.cpu() if isinstance(value, Tensor) else value
