"""Weights of classes in the loss, by their frequency in the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lemur_core.errors import MisfitError
from lemur_core.kinds.loader import IGNORED, DataBundle, Samples
from lemur_core.kinds.net import optional_method
from lemur_core.kinds.task import task_of
from lemur_core.labels import check_classes, class_indices, with_labels_checked
from lemur_core.train.restrict import targets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from lemur_core.trial import Trial


def weigh_classes(net: Any, bundle: DataBundle, trial: Trial) -> None:
    """Give a net the weights of the classes in the training split.

    The labels of the bundle need not be checked before. Class indices are not read from files;
    masks are.

    Raises:
        MisfitError: The net does not take them, or the targets are not classes.
        LabelError: A label is not a class.
    """
    weigh = optional_method(net, "weigh_classes")
    if weigh is None:
        raise MisfitError(f"net {trial.pipeline.net!r} does not take class weights")
    classes, dataset = bundle.out_shape[0], trial.pipeline.dataset
    targets = targets_of(bundle.train)
    if targets is None:
        checked = with_labels_checked(bundle, task_of(trial.pipeline.task_entry), dataset)
        counts = sum(_mask_counts(checked.train, classes, dataset))
    else:
        check_classes(targets, classes, dataset, "train")
        counts = _counts(targets, classes)
    weigh(balanced(torch.as_tensor(counts)))


def balanced(counts: Tensor) -> Tensor:
    """Return weights with which all classes count the same, as scikit-learn's ``balanced``.

    The weight of a class is ``targets / (present classes * targets of the class)``; that of a class
    without targets is 1.

    Args:
        counts: Number of targets of each class, shape ``(classes,)``.

    Returns:
        float32, shape ``(classes,)``.

    >>> balanced(torch.tensor([3, 1, 0]))
    tensor([0.6667, 2.0000, 1.0000])
    """
    present = counts > 0
    weights = torch.ones(len(counts), dtype=torch.float64)
    weights[present] = counts.sum() / (present.sum() * counts[present].double())
    return weights.float()


def _mask_counts(samples: Samples, classes: int, dataset: str) -> Iterator[Tensor]:
    """Yield the number of pixels of each class in each sample."""
    for index in range(len(samples)):
        mask = class_indices(samples[index][1])
        if mask is None:
            raise MisfitError(
                f"dataset {dataset!r}: its targets are not classes, so none can be weighed"
            )
        yield _counts(mask, classes)


def _counts(targets: Tensor, classes: int) -> Tensor:
    return torch.bincount(targets[targets != IGNORED].flatten(), minlength=classes)
