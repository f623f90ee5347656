"""Reduce a data bundle to the classes and samples that its dataset's name states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from lemur_core.chosen_classes import chosen_classes
from lemur_core.errors import PatternError
from lemur_core.kinds.loader import DataBundle, InMemory, Samples, majority_share, take
from lemur_core.labels import check_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    from lemur_core.restriction import Restriction


def restrict(bundle: DataBundle, restriction: Restriction, dataset: str) -> DataBundle:
    """Return a part of a bundle with the normalisation of the whole bundle.

    Raises:
        PatternError: The bundle has fewer classes or samples than asked for, or its targets are no
            classes.
        LabelError: Classes are to be selected, and a label is not a class.
    """
    if not restriction.cuts:
        return bundle
    seed = restriction.seed
    if restriction.classes is not None:
        bundle = _some_classes(bundle, restriction.classes, seed, dataset)
    if restriction.balanced:
        bundle = replace(bundle, train=_balanced(bundle, seed, dataset))
    if restriction.samples is not None:
        train = _some(bundle.train, restriction.samples, seed, f"{dataset!r}: its training split")
        share = len(train) / len(bundle.train)
        others = _share(bundle.scored_only, share, seed)
        bundle = replace(bundle, train=train, scored_only=others)
    if restriction.test is not None:
        test = _some(bundle.test, restriction.test, seed, f"{dataset!r}: its test split")
        bundle = replace(bundle, test=test)
    targets = targets_of(bundle.test)
    return bundle if targets is None else replace(bundle, chance=majority_share(targets))


def targets_of(samples: Samples) -> Tensor | None:
    """Return the class index of each sample, int64; None if targets are no class indices.

    If the samples have an attribute ``targets``, they are not read.
    """
    if isinstance(samples, InMemory):
        return samples.targets if samples.targets.ndim == 1 else None
    if isinstance(samples, Subset):
        whole = targets_of(samples.dataset)  # type: ignore[arg-type]
        return None if whole is None else whole[list(samples.indices)]
    values = getattr(samples, "targets", None)
    if values is None:
        # Reading one sample shows whether targets are classes, rather than masks or boxes.
        if not _is_scalar(samples[0][1]):
            return None
        values = [samples[index][1] for index in range(len(samples))]
    try:
        targets = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError):
        return None
    whole_numbers = targets.ndim == 1 and not targets.is_floating_point()
    return targets.to(torch.int64) if whole_numbers else None


def _is_scalar(target: Any) -> bool:
    return isinstance(target, int | np.integer) or (isinstance(target, Tensor) and not target.ndim)


@dataclass(frozen=True)
class _RenumberedSamples:
    """Samples whose class indices are replaced by new ones."""

    samples: Samples
    number: tuple[int, ...]

    @property
    def targets(self) -> Tensor:
        """The class index of each sample."""
        targets = targets_of(self.samples)
        assert targets is not None
        return torch.tensor(self.number)[targets]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> tuple[Any, int]:
        inputs, target = self.samples[index]
        return inputs, self.number[int(target)]


def _some_classes(bundle: DataBundle, count: int, seed: int, dataset: str) -> DataBundle:
    classes = bundle.out_shape[0]
    if len(bundle.out_shape) != 1 or targets_of(bundle.train) is None:
        raise PatternError(
            f"dataset {dataset!r}: its targets are not classes, so none can be selected"
        )
    if count > classes:
        raise PatternError(f"dataset {dataset!r}: it has {classes} classes; ask for no more")
    chosen = chosen_classes(classes, count, seed)
    number = torch.full((classes,), -1)
    number[chosen] = torch.arange(count)

    def cut(samples: Samples, split: str) -> Samples:
        targets = targets_of(samples)
        assert targets is not None
        check_classes(targets, classes, dataset, split)
        selected = take(samples, (number[targets] >= 0).nonzero().flatten())
        if isinstance(selected, InMemory):
            return InMemory(selected.inputs, number[selected.targets])
        return _RenumberedSamples(selected, tuple(number.tolist()))

    # Without names, a class keeps its number in the whole dataset as its name.
    names = tuple(bundle.class_names[at] if bundle.class_names else str(at) for at in chosen)
    return replace(_each_split(bundle, cut), out_shape=(count,), class_names=names)


def _each_split(bundle: DataBundle, change: Callable[[Samples, str], Samples]) -> DataBundle:
    validation, others = bundle.validation, bundle.scored_only
    return replace(
        bundle,
        train=change(bundle.train, "train"),
        validation=None if validation is None else change(validation, "validation"),
        test=change(bundle.test, "test"),
        scored_only=None if others is None else change(others, "train"),
    )


def _balanced(bundle: DataBundle, seed: int, dataset: str) -> Samples:
    """Return the training samples, of the largest class as many as of the second largest."""
    samples, targets = bundle.train, targets_of(bundle.train)
    is_classes = targets is not None and not targets.is_floating_point()
    if len(bundle.out_shape) != 1 or targets is None or not is_classes:
        raise PatternError(
            f"dataset {dataset!r}: its targets are not classes, so they cannot be balanced"
        )
    if not len(targets):
        return samples
    check_classes(targets, bundle.out_shape[0], dataset, "train")
    counts, order = torch.bincount(targets).sort(descending=True, stable=True)
    if len(counts) < 2 or counts[0] == counts[1]:
        return samples
    members = (targets == order[0]).nonzero().flatten()
    drawn = torch.randperm(len(members), generator=torch.Generator().manual_seed(seed))
    is_kept = torch.ones(len(targets), dtype=torch.bool)
    is_kept[members[drawn[counts[1] :]]] = False
    return take(samples, is_kept.nonzero().flatten())


def _share(samples: Samples | None, share: float, seed: int) -> Samples | None:
    """Return a fraction of the samples, 0 to 1; None if no sample remains."""
    count = 0 if samples is None else round(share * len(samples))
    return _some(samples, count, seed, "") if samples is not None and count else None


def _some(samples: Samples, count: int, seed: int, what: str) -> Samples:
    if count > len(samples):
        raise PatternError(f"dataset {what} has {len(samples)} samples; ask for no more")
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    targets = targets_of(samples)
    if targets is not None:
        order = order[_interleaved(targets[order])]
    return take(samples, order[:count].sort().values)


def _interleaved(targets: Tensor) -> Tensor:
    """Return an order in which every prefix has nearly the same class frequencies as the whole."""
    place = torch.empty(len(targets), dtype=torch.float64)
    for members in (targets == target for target in targets.unique()):
        count = int(members.sum())
        place[members] = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return place.argsort(stable=True)
