"""Divide the training split into folds, of which one is the validation split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset

from lemur_core.errors import MisfitError
from lemur_core.kinds.loader import DataBundle, Samples, take
from lemur_core.train.restrict import targets_of

if TYPE_CHECKING:
    from lemur_core.restriction import Restriction


def with_validation_split(bundle: DataBundle, restriction: Restriction, dataset: str) -> DataBundle:
    """Return a bundle whose validation split is the fold or the share that a restriction states.

    The folds are disjoint, contain each training sample once, and their sizes differ by at most
    one. If targets are classes, so do the numbers of samples of each class.

    Raises:
        MissingDataError: The training split has fewer than two samples.
        MisfitError: The bundle has a validation split of its own, or too few training samples.
    """
    if restriction.folds is None or restriction.fold is None:
        return bundle.held_out(dataset, restriction.validation)
    folds, fold = restriction.folds, restriction.fold
    if bundle.validation is not None:
        raise MisfitError(
            f"dataset {dataset!r}: it has a validation split of its own; leave out folds={folds}"
        )
    if len(bundle.train) < folds:
        raise MisfitError(
            f"dataset {dataset!r}: {len(bundle.train)} training samples cannot be divided into "
            f"{folds} folds"
        )
    targets = targets_of(bundle.train)
    train, validation = _divided(bundle.train, targets, restriction)
    if bundle.scored_only is not None and len(bundle.scored_only) >= fold:
        both: Any = [validation, _divided(bundle.scored_only, None, restriction)[1]]
        validation = ConcatDataset(both)
    return replace(bundle, train=train, validation=validation, scored_only=None)


def fold_of_each(count: int, folds: int, seed: int, targets: Tensor | None = None) -> Tensor:
    """Return the number of the fold of each sample, from 0, int64, shape ``(count,)``.

    Args:
        count: Number of samples.
        folds: Number of folds.
        seed: Seed of the random assignment.
        targets: Class index of each sample, int64, shape ``(count,)``; None if there are none.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    if targets is not None:
        # Samples of a class then follow one another, and are dealt to the folds in turn.
        order = order[targets[order].argsort(stable=True)]
    fold = torch.empty(count, dtype=torch.int64)
    fold[order] = torch.arange(count) % folds
    return fold


def _divided(
    samples: Samples, targets: Tensor | None, restriction: Restriction
) -> tuple[Samples, Samples]:
    assert restriction.folds is not None
    assert restriction.fold is not None
    fold = fold_of_each(len(samples), restriction.folds, restriction.seed, targets)
    is_held_out = fold == restriction.fold - 1
    return take(samples, (~is_held_out).nonzero()[:, 0]), take(samples, is_held_out.nonzero()[:, 0])
