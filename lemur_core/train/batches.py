"""One pass over samples in batches, transformed, on the trial's device."""

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
from lemur_core.train.generators import kept_generators
from lemur_core.train.shared_memory import has_room_for, nbytes

if TYPE_CHECKING:
    from lemur_core.kinds.net import TrainData

# So few are loaded sooner than processes that load them are started.
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
) -> Batches:
    """Return the batches of one split; iterating again is another pass.

    Args:
        samples: The split.
        transform: Applied to images, inputs of type uint8, to whole batches where they are in
            memory and else to each; all other inputs are given as they are.
        size: Samples in a batch; the last has what remains.
        device: Where inputs and targets are put.
        training: Shuffle, let the transform draw at random, and leave out a last batch of a single
            sample, which batch normalisation cannot take.
        seed: Seeds everything drawn, 0 or above.
        collate: Makes a batch of samples, as `DataBundle.collate`; None stacks them.
    """
    kind: type[Batches]
    if not isinstance(samples, InMemory):
        kind = _FromDataset
    elif collate is not None or hasattr(transform, "pair"):
        kind = _OneByOneFromMemory
    else:
        kind = _FromMemory
        if not _is_image(samples.inputs):
            transform = nn.Identity()
    return kind(samples, transform, size, device, training, seed, _Collator(collate))


def _is_image(inputs: Any) -> bool:
    # Anything but an image, a sentence for example, was made ready by its loader.
    return isinstance(inputs, Tensor) and inputs.dtype == torch.uint8


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


class Batches:
    """The batches of one split, seeded so that each epoch draws the same wherever it is trained.

    torch's generator is seeded for each sample that is loaded or transformed on its own, and all
    global generators for each batch, before it is loaded and again before it is given: what the
    net draws does not depend on the process that loaded the samples. A pass for scoring draws the
    same each time.
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
        """Begin an epoch of training, counted from 1."""
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
        """Yield each batch, on the CPU, or the error that leaves it without one."""
        raise NotImplementedError

    def _seed(self, seed: int) -> None:
        seed_generators(seed)

    def _transformed(self, inputs: Any) -> Any:
        return self._moved(inputs)

    def _moved(self, value: Any) -> Any:
        return _moved(value, self.device)


class _FromMemory(Batches):
    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        for indices in order:
            yield self.samples.inputs[indices], self.samples.targets[indices]

    def _seed(self, seed: int) -> None:
        # Seeding the others too would take a twentieth of the time that a small batch takes. They
        # were seeded when the epoch began, and loading from memory draws from none.
        seed_torch(seed)

    def _transformed(self, inputs: Any) -> Any:
        return self.transform(self._moved(inputs))

    def _moved(self, value: Any) -> Any:
        # From pinned memory a GPU copies while the processor goes on.
        pinned = value.pin_memory() if self.device.type == "cuda" else value
        return super()._moved(pinned)


class _OneByOneFromMemory(Batches):
    """The batches of samples in memory that are transformed or collated one by one."""

    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        transformed = _Transformed(self.samples, self.transform, self.training)
        seeds = draws.of_samples(len(self.samples))
        for indices in order:
            yield self.collate(transformed.__getitems__(_picks(indices, seeds)))


class _FromDataset(Batches):
    def __init__(
        self,
        samples: Samples,
        transform: nn.Module,
        size: int,
        device: torch.device,
        training: bool,
        seed: int,
        collate: _Collator,
    ) -> None:
        super().__init__(samples, transform, size, device, training, seed, collate)
        loaded, processes = _Transformed(samples, transform, training), 0
        if wanted := _loading_processes(len(samples)):
            with kept_generators():
                batch_bytes = size * nbytes(loaded[0, 0])
            processes = wanted if has_room_for(batch_bytes, wanted) else 0
        self._picks = _Picks()
        self.loader: DataLoader[Any] = DataLoader(
            loaded,
            batch_sampler=self._picks,
            collate_fn=collate,
            num_workers=processes,
            persistent_workers=processes > 0,
            pin_memory=device.type == "cuda",
            # Of its own, else each pass would draw a number from the global one.
            generator=torch.Generator(),
        )

    def _loaded(self, order: Sequence[Tensor], draws: Draws) -> Iterator[Any]:
        self._picks.begin(order, draws.of_samples(len(self.samples)))
        yield from self.loader


class _Picks(Sampler[list[tuple[int, int]]]):
    """The samples of each batch of a pass: the index of each, and its seed."""

    def begin(self, order: Sequence[Tensor], seeds: Tensor) -> None:
        """Begin a pass, the indices of each batch in ``order`` and all samples' seeds."""
        self._order, self._seeds = order, seeds

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for indices in self._order:
            yield _picks(indices, self._seeds)


def _picks(indices: Tensor, seeds: Tensor) -> list[tuple[int, int]]:
    return list(zip(indices.tolist(), seeds[indices].tolist(), strict=True))


class _Transformed(Dataset[Any]):
    """A map-style data set whose images went through the transform, one at a time."""

    def __init__(self, samples: Samples, transform: nn.Module, training: bool) -> None:
        self.samples, self.transform, self.training = samples, transform, training

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, picks: list[tuple[int, int]]) -> list[tuple[Any, Any] | LemurError]:
        # Once a batch, as all of it is loaded by one process: for each sample it would take a
        # tenth of the time that a small image takes.
        seed_others(picks[0][1])
        return [self[pick] for pick in picks]

    def __getitem__(self, pick: tuple[int, int]) -> tuple[Any, Any] | LemurError:
        index, seed = pick
        seed_sample(seed)
        try:
            inputs, target = self.samples[index]
        # A process that loads would have its text buried in the traceback of another.
        except LemurError as error:
            return error
        if not _is_image(inputs):
            return inputs, target
        self.transform.train(self.training)
        pair: Callable[[Tensor, Any], tuple[Any, Any]] | None
        pair = getattr(self.transform, "pair", None)
        return (self.transform(inputs[None])[0], target) if pair is None else pair(inputs, target)


class _Collator:
    """Makes a batch of samples, or of errors the first.

    Args:
        collate: Makes a batch of samples that are no errors; None stacks them.
    """

    def __init__(self, collate: Collate | None) -> None:
        self._collate = collate or _stacked

    def __call__(self, samples: list[Any]) -> Any:
        errors = [sample for sample in samples if isinstance(sample, LemurError)]
        return errors[0] if errors else self._collate(samples)


def _stacked(samples: list[Any]) -> Any:
    """Return the batch, or why there is none."""
    shapes = {tuple(inputs.shape) for inputs, _ in samples if isinstance(inputs, Tensor)}
    if len(shapes) > 1:
        given = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes)[:2])
        return MisfitError(
            f"images of several sizes, {given}, make no batch; choose transforms that resize them"
        )
    if any(isinstance(target, Mapping) for _, target in samples):
        # The number of objects differs from image to image.
        return default_collate([inputs for inputs, _ in samples]), [each for _, each in samples]
    return default_collate(samples)


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, list | tuple):
        moved = [_moved(each, device) for each in value]
        # A named tuple takes its values one by one.
        return type(value)(*moved) if hasattr(value, "_fields") else type(value)(moved)
    if isinstance(value, Mapping):
        return {name: _moved(each, device) for name, each in value.items()}
    return value.to(device, non_blocking=True) if isinstance(value, Tensor) else value


def _loading_processes(samples: int) -> int:
    threads = torch.get_num_threads()
    return 0 if threads == 1 or samples < _FEW_SAMPLES else min(threads, _MOST_PROCESSES)


def _count(samples: int, size: int, training: bool) -> int:
    single = training and samples % size == 1 and samples > 1
    return samples // size if single else math.ceil(samples / size)
