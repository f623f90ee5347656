"""What the net of a recorded trial says of some samples of the test split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lemur_core.errors import SettingsError, ShapeError
from lemur_core.kinds.loader import DataBundle, Samples, take
from lemur_core.kinds.transform import Normalisation, as_transform
from lemur_core.pictures.draw import Example
from lemur_core.search.devices import check_device
from lemur_core.search.reproduce import trained
from lemur_core.store.reading.told import Told
from lemur_core.train import kept
from lemur_core.train.batches import batches
from lemur_core.train.data import Bundles
from lemur_core.train.finite import Outputs
from lemur_core.train.trial import Training, precision
from lemur_core.trial import Epoch, Outcome, Trial


def device_of(told: Told, asked: str | None) -> str:
    """Return the device that is asked for; else the trial's, or the CPU where that is not here.

    Raises:
        SettingsError: What is asked for cannot be used.
    """
    if asked is not None:
        check_device(asked)
        return asked
    recorded: str = told.facts["device"]
    try:
        check_device(recorded)
    except SettingsError:
        return "cpu"
    return recorded


def train_again(
    trial: Trial, bundles: Bundles, epochs: int, file: Path, watch: Callable[[Epoch], None]
) -> Outcome:
    """Train a recorded trial for so many epochs, and keep the weights of its best one in a file."""
    return trained(replace(trial, epochs=epochs, weights=file), bundles, watch)


def draw_samples(bundle: DataBundle, count: int, seed: int) -> Samples:
    """Return so many samples of the test split, or all that there are, drawn by a seed."""
    order = torch.randperm(len(bundle.test), generator=torch.Generator().manual_seed(seed))
    return take(bundle.test, order[:count].sort().values)


def predict(
    trial: Trial, bundle: DataBundle, file: Path, samples: Samples
) -> tuple[list[Example], kept.Kept]:
    """Return what a trial's net says of samples, and the epoch whose weights it has.

    Args:
        trial: The trial.
        bundle: Its data.
        file: Where its weights are kept.
        samples: What it is asked about; they go through the trial's transform, nothing drawn.

    Raises:
        WeightsError: The weights cannot be read, or are not the net's.
        MisfitError: The net cannot take the data.
        NotFiniteError: What the net says is NaN or infinite.
    """
    training = Training(trial, bundle)
    epoch = kept.load(file, training.net, trial.device)
    targets, outputs, seen = [], [], Outputs("test")
    training.net.eval()
    with torch.inference_mode(), precision(trial.prm, training.device):
        for inputs, batch in training.scored(samples):
            told = training.net(inputs)
            seen.look(told)
            targets += _each(batch)
            outputs += _each(told)
    seen.check()
    images = _images(trial, bundle, samples)
    return list(map(Example, images, targets, outputs)), epoch


def _images(trial: Trial, bundle: DataBundle, samples: Samples) -> Iterator[Tensor]:
    """Yield what the net is fed, but for the normalisation."""
    channels = len(bundle.normalisation.mean)
    plain = Normalisation((0.0,) * channels, (1.0,) * channels)
    transform = as_transform(trial.transform_entry.load(), plain, trial.prm["transform"])
    for inputs, _ in batches(samples, transform, 1, torch.device("cpu"), training=False):
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
