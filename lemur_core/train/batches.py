"""Iterate over samples in transformed batches on the trial's device."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from lemur_core.errors import LemurError, MisfitError
from lemur_core.kinds.loader import Collate, InMemory, Samples
from lemur_core.train.draws import (
    Draws,
    derived_seed,
    seed_generators,
    seed_others,
    seed_sample,
    seed_torch,
)
from lemur_core.train.generators import preserve_generators
from lemur_core.train.shared_memory import has_room_for, nbytes

if TYPE_CHECKING:
    from lemur_core.kinds.net import TrainData

# Below this number, loading takes less time than starting loader processes.
_FEW_SAMPLES = 2_000
_MOST_PROCESSES = 8


def batches(
    samples: Samples,
    transform: nn.Module,
    size: int,
    device: torch.device,
    *,
    training: bool,
    seed: int = 0,
    collate: Collate | None = None,
    may_fork: bool = True,
) -> Batches:
    """Return the batches of one split; each iteration is one pass over it.

    Args:
        samples: The split.
        transform: Applied to images, that is inputs of type uint8: to whole batches if the samples
            are in memory, else to one image at a time. Other inputs are left unchanged.
        size: Samples per batch; the last batch may be smaller.
        device: Device to which inputs and targets are moved.
        training: Shuffle, let the transform draw random numbers, and omit a last batch of a single
            sample, which batch normalisation cannot handle.
        seed: Seeds all random numbers, 0 or above.
        collate: Makes a batch of a list of samples, as `DataBundle.collate`; None stacks them.
        may_fork: Whether samples that are not in memory may be loaded in forks of this process.
    """
    collator = _Collator(collate)
    if not isinstance(samples, InMemory):
        return _DatasetBatches(samples, transform, size, device, training, seed, collator, may_fork)
    kind: type[Batches] = _MemoryBatches
    if collate is not None or hasattr(transform, "pair"):
        kind = _MemoryBatchesBySample
    elif not _is_image(samples.inputs):
        transform = nn.Identity()
    return kind(samples, transform, size, device, training, seed, collator)


def _is_image(inputs: Any) -> bool:
    # Loaders prepare all inputs other than images, for example sentences, themselves.
    return isinstance(inputs, Tensor) and inputs.dtype == torch.uint8


def mixed(train_data: TrainData, transform: nn.Module, out_shape: tuple[int, ...]) -> TrainData:
    """Return training batches, mixed if the transform has a method ``mix``."""
    mix = getattr(transform, "mix", None)
    return train_data if mix is None else _MixedBatches(train_data, mix, out_shape)


class _MixedBatches:
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


class Batches:
    """The batches of one split, with the same random numbers wherever an epoch is trained.

    torch's generator is seeded for each sample that is loaded or transformed on its own. All global
    generators are seeded for each batch, before it is loaded and again before it is yielded, so
    what the net draws does not depend on the process that loaded the samples. Passes for scoring
    draw the same numbers each time.
    """

    def __init__(
        self,
        samples: Any,
        transform: nn.Module,
        size: int,
        device: torch.device,
        training: bool,
        seed: int,
        collate: _Collator,
    ) -> None:
        self.samples, self.transform, self.size = samples, transform, size
        self.device, self.training, self.seed = device, training, seed
        self.collate = collate
        self.begin(1)

    def begin(self, epoch: int) -> None:
        """Start an epoch of training, counted from 1."""
        self._epoch, self._passes = epoch, 0

    def __len__(self) -> int:
        return _count(len(self.samples), self.size, self.training)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        draws, total = self._draws(), len(self.samples)
        order = draws.order(total) if self.training else torch.arange(total)
        self.transform.train(self.training)
        loaded = self._loaded(order.split(self.size)[: len(self)], draws)
        for number, batch in enumerate(loaded):
            if isinstance(batch, LemurError):
                raise batch
            inputs, targets = batch
            self._seed(draws.of_batch(number))
            yield self._transformed(inputs), self._moved(targets)

    def _draws(self) -> Draws:
        if not self.training:
            return Draws(derived_seed(self.seed))
        self._passes += 1
        return Draws(derived_seed(self.seed, self._epoch, self._passes))

    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        """Yield each batch on the CPU, or the error that prevented it."""
        raise NotImplementedError

    def _seed(self, seed: int) -> None:
        seed_generators(seed)

    def _transformed(self, inputs: Any) -> Any:
        return self._moved(inputs)

    def _moved(self, value: Any) -> Any:
        return _moved(value, self.device)


class _MemoryBatches(Batches):
    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        for indices in order:
            yield self.samples.inputs[indices], self.samples.targets[indices]

    def _seed(self, seed: int) -> None:
        # Seeding the other generators would take a twentieth of the time of a small batch. They
        # were seeded at the start of the epoch, and loading from memory does not use them.
        seed_torch(seed)

    def _transformed(self, inputs: Any) -> Any:
        return self.transform(self._moved(inputs))

    def _moved(self, value: Any) -> Any:
        # The copy from pinned memory to a GPU is asynchronous.
        pinned = value.pin_memory() if self.device.type == "cuda" else value
        return super()._moved(pinned)


class _MemoryBatchesBySample(Batches):
    """The batches of samples in memory that are transformed or collated one at a time."""

    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        transformed = _TransformedSamples(self.samples, self.transform, self.training)
        seeds = draws.of_samples(len(self.samples))
        for indices in order:
            yield self.collate(transformed.__getitems__(_seeded_indices(indices, seeds)))


class _DatasetBatches(Batches):
    def __init__(
        self,
        samples: Samples,
        transform: nn.Module,
        size: int,
        device: torch.device,
        training: bool,
        seed: int,
        collate: _Collator,
        may_fork: bool,
    ) -> None:
        super().__init__(samples, transform, size, device, training, seed, collate)
        loaded, processes = _TransformedSamples(samples, transform, training), 0
        if may_fork and (process_count := _loading_processes(len(samples))):
            with preserve_generators():
                batch_bytes = size * nbytes(loaded[0, 0])
            processes = process_count if has_room_for(batch_bytes, process_count) else 0
        self._seeded_indices = _SeededIndices()
        self.loader: DataLoader[Any] = DataLoader(
            loaded,
            batch_sampler=self._seeded_indices,
            collate_fn=collate,
            num_workers=processes,
            persistent_workers=processes > 0,
            pin_memory=device.type == "cuda",
            # With its own generator, a pass draws no number from the global one.
            generator=torch.Generator(),
        )

    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        self._seeded_indices.begin(order, draws.of_samples(len(self.samples)))
        yield from self.loader


class _SeededIndices(Sampler[list[tuple[int, int]]]):
    """The index and the seed of each sample in each batch of a pass."""

    def begin(self, order: Sequence[Tensor], seeds: Tensor) -> None:
        """Start a pass with the indices of each batch in ``order`` and the seeds of all samples."""
        self._order, self._seeds = order, seeds

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for indices in self._order:
            yield _seeded_indices(indices, self._seeds)


def _seeded_indices(indices: Tensor, seeds: Tensor) -> list[tuple[int, int]]:
    return list(zip(indices.tolist(), seeds[indices].tolist(), strict=True))


class _TransformedSamples(Dataset[Any]):
    """A map-style dataset that applies the transform to one image at a time."""

    def __init__(self, samples: Samples, transform: nn.Module, training: bool) -> None:
        self.samples, self.transform, self.training = samples, transform, training

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, picks: list[tuple[int, int]]) -> list[tuple[Any, Any] | LemurError]:
        # Once per batch, as one process loads all of it; seeding for each sample would take a tenth
        # of the time of a small image.
        seed_others(picks[0][1])
        return [self[pick] for pick in picks]

    def __getitem__(self, pick: tuple[int, int]) -> tuple[Any, Any] | LemurError:
        index, seed = pick
        seed_sample(seed)
        try:
            inputs, target = self.samples[index]
        # Raised in a loader process, its text would be buried in another traceback.
        except LemurError as error:
            return error
        if not _is_image(inputs):
            return inputs, target
        self.transform.train(self.training)
        pair: Callable[[Tensor, Any], tuple[Any, Any]] | None
        pair = getattr(self.transform, "pair", None)
        return (self.transform(inputs[None])[0], target) if pair is None else pair(inputs, target)


class _Collator:
    """Makes a batch of samples, or returns the first error among them.

    Args:
        collate: Makes a batch of samples without errors; None stacks them.
    """

    def __init__(self, collate: Collate | None) -> None:
        self._collate = collate or _stacked

    def __call__(self, samples: list[Any]) -> Any:
        errors = [sample for sample in samples if isinstance(sample, LemurError)]
        return errors[0] if errors else self._collate(samples)


def _stacked(samples: list[Any]) -> Any:
    """Return the stacked batch, or the error if samples differ in shape."""
    shapes = {tuple(inputs.shape) for inputs, _ in samples if isinstance(inputs, Tensor)}
    if len(shapes) > 1:
        sizes = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes)[:2])
        return MisfitError(
            f"images of several sizes, {sizes}, make no batch; choose transforms that resize them"
        )
    if any(isinstance(target, Mapping) for _, target in samples):
        # The number of objects differs between images.
        return default_collate([inputs for inputs, _ in samples]), [target for _, target in samples]
    return default_collate(samples)


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, list | tuple):
        moved = [_moved(item, device) for item in value]
        # The constructor of a named tuple takes separate arguments.
        return type(value)(*moved) if hasattr(value, "_fields") else type(value)(moved)
    if isinstance(value, Mapping):
        return {name: _moved(item, device) for name, item in value.items()}
    return value.to(device, non_blocking=True) if isinstance(value, Tensor) else value


def _loading_processes(samples: int) -> int:
    threads = torch.get_num_threads()
    return 0 if threads == 1 or samples < _FEW_SAMPLES else min(threads, _MOST_PROCESSES)


def _count(samples: int, size: int, training: bool) -> int:
    single = training and samples % size == 1 and samples > 1
    return samples // size if single else math.ceil(samples / size)
