"""One pass over samples in batches, transformed, on the trial's device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from lemur_core.errors import LemurError, MisfitError
from lemur_core.kinds.loader import InMemory, Samples
from lemur_core.kinds.net import TrainData

# So few are loaded sooner than processes that load them are started.
_FEW_SAMPLES = 2_000
_MOST_PROCESSES = 8


def batches(
    samples: Samples, transform: nn.Module, size: int, device: torch.device, *, training: bool
) -> TrainData:
    """Return the batches of one split; iterating again is another pass.

    Args:
        samples: The split.
        transform: Applied to whole batches where the samples are in memory, else to each image.
        size: Samples in a batch; the last has what remains.
        device: Where inputs and targets are put.
        training: Shuffle, let the transform draw at random, and leave out a last batch of a single
            sample, which batch normalisation cannot take.
    """
    if isinstance(samples, InMemory):
        return _FromMemory(samples, transform, size, device, training)
    return _FromDataset(samples, transform, size, device, training)


def mixed(train_data: TrainData, transform: nn.Module, out_shape: tuple[int, ...]) -> TrainData:
    """Return training batches, mixed where the transform has a method ``mix``."""
    mix = getattr(transform, "mix", None)
    return train_data if mix is None else _Mixed(train_data, mix, out_shape)


class _Mixed:
    def __init__(
        self,
        train_data: TrainData,
        mix: Callable[[Tensor, Tensor, tuple[int, ...]], tuple[Tensor, Tensor]],
        out_shape: tuple[int, ...],
    ) -> None:
        self.train_data, self.mix, self.out_shape = train_data, mix, out_shape

    def __len__(self) -> int:
        return len(self.train_data)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, targets in self.train_data:
            yield self.mix(inputs, targets, self.out_shape)


class _FromMemory:
    def __init__(
        self,
        samples: InMemory,
        transform: nn.Module,
        size: int,
        device: torch.device,
        training: bool,
    ) -> None:
        self.samples, self.transform, self.size = samples, transform, size
        self.device, self.training = device, training

    def __len__(self) -> int:
        return _count(len(self.samples), self.size, self.training)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        total = len(self.samples)
        order = torch.randperm(total) if self.training else torch.arange(total)
        self.transform.train(self.training)
        pair = getattr(self.transform, "pair", None)
        for indices in order.split(self.size)[: len(self)]:
            inputs, targets = self.samples.inputs[indices], self.samples.targets[indices]
            if pair is None:
                yield self.transform(self._moved(inputs)), self._moved(targets)
            else:
                inputs, targets = _collate([*map(pair, inputs, targets)])
                yield self._moved(inputs), self._moved(targets)

    def _moved(self, tensor: Tensor) -> Tensor:
        # From pinned memory a GPU copies while the processor goes on.
        pinned = tensor.pin_memory() if self.device.type == "cuda" else tensor
        return pinned.to(self.device, non_blocking=True)


class _FromDataset:
    def __init__(
        self,
        samples: Samples,
        transform: nn.Module,
        size: int,
        device: torch.device,
        training: bool,
    ) -> None:
        self.device = device
        self.count = _count(len(samples), size, training)
        processes = _loading_processes(len(samples))
        self.loader: DataLoader[Any] = DataLoader(
            _Transformed(samples, transform, training),
            size,
            shuffle=training,
            collate_fn=_collate,
            num_workers=processes,
            persistent_workers=processes > 0,
            pin_memory=device.type == "cuda",
        )

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _, batch in zip(range(self.count), self.loader, strict=False):
            if isinstance(batch, LemurError):
                raise batch
            inputs, targets = batch
            yield _moved(inputs, self.device), _moved(targets, self.device)


class _Transformed(Dataset[Any]):
    """A map-style data set whose images went through the transform, one at a time."""

    def __init__(self, samples: Samples, transform: nn.Module, training: bool) -> None:
        self.samples, self.transform, self.training = samples, transform, training

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any] | LemurError:
        try:
            inputs, target = self.samples[index]
        # A process that loads would have its text buried in the traceback of another.
        except LemurError as error:
            return error
        # Anything but an image, a sentence say, was made ready by its loader.
        if not isinstance(inputs, Tensor) or inputs.dtype != torch.uint8:
            return inputs, target
        self.transform.train(self.training)
        pair: Callable[[Tensor, Any], tuple[Any, Any]] | None
        pair = getattr(self.transform, "pair", None)
        return (self.transform(inputs[None])[0], target) if pair is None else pair(inputs, target)


def _collate(samples: list[Any]) -> Any:
    """Return the batch, or why there is none."""
    errors = [sample for sample in samples if isinstance(sample, LemurError)]
    if errors:
        return errors[0]
    shapes = {tuple(inputs.shape) for inputs, _ in samples if isinstance(inputs, Tensor)}
    if len(shapes) > 1:
        given = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes)[:2])
        return MisfitError(
            f"images of several sizes, {given}, make no batch; choose transforms that resize them"
        )
    if isinstance(samples[0][1], dict):
        # Of objects each image has as many as it has.
        return default_collate([inputs for inputs, _ in samples]), [each for _, each in samples]
    return default_collate(samples)


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, list):
        return [_moved(each, device) for each in value]
    if isinstance(value, dict):
        return {name: _moved(each, device) for name, each in value.items()}
    return value.to(device, non_blocking=True) if isinstance(value, Tensor) else value


def _loading_processes(samples: int) -> int:
    # By what is set alone, never by measured time: what is drawn at random hangs on their number.
    threads = torch.get_num_threads()
    return 0 if threads == 1 or samples < _FEW_SAMPLES else min(threads, _MOST_PROCESSES)


def _count(samples: int, size: int, training: bool) -> int:
    single = training and samples % size == 1 and samples > 1
    return samples // size if single else math.ceil(samples / size)
