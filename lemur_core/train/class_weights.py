"""Weights of classes in the loss, by their frequency in the training split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lemur_core.errors import MisfitError
from lemur_core.kinds.loader import IGNORED, DataBundle, InMemory
from lemur_core.kinds.net import optional_method
from lemur_core.labels import check_classes
from lemur_core.train.restrict import targets_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lemur_core.trial import Trial


def weigh_classes(net: nn.Module, bundle: DataBundle, trial: Trial) -> None:
    """Give a net the weights of the classes in the training split.

    Raises:
        MisfitError: The net does not take them, or the targets are not classes.
        LabelError: A label is not a class.
    """
    weigh = optional_method(net, "weigh_classes")
    if weigh is None:
        raise MisfitError(f"net {trial.pipeline.net!r} does not take class weights")
    weigh(balanced(_targets(bundle, trial.pipeline.dataset), bundle.out_shape[0]))


def balanced(targets: Tensor, classes: int) -> Tensor:
    """Return weights with which all classes count the same, as scikit-learn's ``balanced``.

    The weight of a class is ``targets / (present classes * targets of the class)``; that of a class
    without targets is 1.

    Args:
        targets: Class indices, int64, of any shape, of which -100 is ignored.
        classes: Number of classes.

    Returns:
        float32, shape ``(classes,)``.

    >>> balanced(torch.tensor([0, 0, 0, 1]), 3)
    tensor([0.6667, 2.0000, 1.0000])
    """
    counts = torch.bincount(targets[targets != IGNORED].flatten(), minlength=classes).double()
    present = counts > 0
    weights = torch.ones_like(counts)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.float()


def _targets(bundle: DataBundle, dataset: str) -> Tensor:
    """Return the class indices of the training split: of its samples, or of their pixels."""
    samples = bundle.train
    targets = targets_of(samples)
    if targets is not None:
        check_classes(targets, bundle.out_shape[0], dataset, "train")
        return targets
    if isinstance(samples, InMemory) and not samples.targets.is_floating_point():
        # The labels of samples in memory are checked when training begins.
        return samples.targets
    raise MisfitError(
        f"dataset {dataset!r}: class weights are computed from the class index of each sample, or "
        "from masks in memory, and it has neither"
    )
