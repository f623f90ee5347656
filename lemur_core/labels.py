"""Check that the labels of a dataset are among its classes.

Without a check, a wrong label could be counted as another class by a metric, or cause an illegal
memory access on a GPU. `Task.wrong_label` decides which labels are wrong; targets of a task that no
plugin registers are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from lemur_core.errors import LabelError
from lemur_core.kinds.loader import DataBundle, InMemory, Samples
from lemur_core.kinds.task import Task, WrongLabel

_SPLITS = ("train", "validation", "test")
# Number of samples in memory whose labels are checked together.
_AT_ONCE = 256


def with_labels_checked(bundle: DataBundle, task: Task | None, dataset: str) -> DataBundle:
    """Return a bundle whose labels are checked.

    Samples in memory are checked immediately, all others when they are read.

    Args:
        bundle: The data.
        task: The task; None checks nothing.
        dataset: Name of the dataset, for the error message.

    Raises:
        LabelError: A label of a sample in memory is not a class.
    """
    if task is None or len(bundle.out_shape) != 1 or bundle.out_shape[0] < 2:
        return bundle
    splits: dict[str, Any] = {}
    for split in _SPLITS:
        samples = getattr(bundle, split)
        if samples is not None:
            splits[split] = _Rule(task, bundle.out_shape[0], dataset, split).checked(samples)
    return replace(bundle, **splits)


def check_classes(targets: Tensor, classes: int, dataset: str, split: str) -> None:
    """Check that all targets are class indices from 0 to ``classes - 1``.

    Args:
        targets: int64, shape ``(samples,)``.
        classes: Number of classes.
        dataset: Name of the dataset, for the error message.
        split: Name of the split, for the error message.

    Raises:
        LabelError: A target is not a class index.
    """
    if first_outside(targets, 0, classes) is None:
        return
    for number, target in enumerate(targets):
        if (wrong := wrong_class(target, classes)) is not None:
            raise _error(wrong, dataset, split, number)


def wrong_class(target: Any, classes: int) -> WrongLabel | None:
    """Return what is wrong with a class index outside 0 to ``classes - 1``; None if it is valid.

    >>> wrong_class(3, 3)
    WrongLabel(value=3, words='is of class 3; expected 0 to 2')
    """
    labels = class_indices(target)
    value = None if labels is None or labels.ndim else first_outside(labels, 0, classes)
    if value is None:
        return None
    return WrongLabel(value, f"is of class {value}; expected 0 to {classes - 1}")


def class_indices(target: Any) -> Tensor | None:
    """Return a target as a tensor of integer class indices of any shape; None if it has none.

    Floating-point targets, for example class probabilities, are not class indices.
    """
    if isinstance(target, int | np.integer | np.ndarray):
        target = torch.as_tensor(target)
    if not isinstance(target, Tensor) or not target.numel():
        return None
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        return None
    return target.as_subclass(Tensor)


def first_outside(
    labels: Tensor | None, least: int, classes: int, ignored: int | None = None
) -> int | None:
    """Return the first label outside ``least`` to ``classes - 1``; None if there is none.

    Args:
        labels: Class indices; None if there are no labels.
        least: The lowest class index.
        classes: The number of classes.
        ignored: A label that is allowed in addition; None allows no other.
    """
    if labels is None:
        return None
    low, high = (int(bound) for bound in labels.aminmax())
    if least <= low and high < classes:
        return None
    outside = (labels < least) | (labels >= classes)
    if ignored is not None:
        outside &= labels != ignored
    wrong = labels[outside]
    return int(wrong[0]) if len(wrong) else None


@dataclass(frozen=True)
class _Rule:
    """Checks the labels of the samples of one split."""

    task: Task
    classes: int
    dataset: str
    split: str

    def checked(self, samples: Samples) -> Samples:
        if not isinstance(samples, InMemory):
            return _Checked(samples, self)
        for first in range(0, len(samples), _AT_ONCE):
            chunk = samples.targets[first : first + _AT_ONCE]
            if self.task.has_wrong_labels(chunk, self.classes):
                for number, target in enumerate(chunk, first):
                    self.check(target, number, lambda: "")
        return samples

    def check(self, target: Any, index: int, source: Callable[[], str]) -> None:
        wrong = self.task.wrong_label(target, self.classes)
        if wrong is not None:
            raise _error(wrong, self.dataset, self.split, index, source())


def _error(wrong: WrongLabel, dataset: str, split: str, index: int, source: str = "") -> LabelError:
    return LabelError(
        wrong.value,
        f"dataset {dataset!r}: sample {index} of its {split} split{source} {wrong.words}; "
        "correct the dataset or its loader",
    )


class _Checked:
    """Samples whose labels are checked when they are read."""

    def __init__(self, samples: Samples, rule: _Rule) -> None:
        self.samples, self.rule = samples, rule

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> tuple[Any, Any]:
        inputs, target = self.samples[index]
        self.rule.check(target, index, lambda: _source(self.samples, index, target))
        return inputs, target


def _source(samples: Any, index: int, target: Any) -> str:
    """Return the file or image id of a sample in parentheses; empty if it has neither."""
    while isinstance(samples, Subset):
        samples, index = samples.dataset, samples.indices[index]
    if callable(getattr(samples, "file", None)):
        return f" ({samples.file(index)})"
    if isinstance(target, Mapping) and "image_id" in target:
        return f" (image_id {target['image_id']})"
    return ""
