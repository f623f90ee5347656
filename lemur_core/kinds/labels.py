"""Check that the labels of a data set are classes that it has.

A label that is no class would be folded into arithmetic: counted as another class by a metric,
or an illegal address on a GPU. Targets are checked by the last part of their task's name:

``classification``
    a class index, 0 to ``classes - 1``.
``segmentation``
    the class index of each pixel, or `IGNORED`.
``detection``
    ``labels`` of 1 to ``classes - 1``; 0 is the background.

``classes`` is the length of ``out_shape``'s only dimension. Targets of other tasks, and targets
that are floating-point, probabilities of each class for instance, are not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from lemur_core.errors import LabelError
from lemur_core.kinds.loader import IGNORED, DataBundle, InMemory, Samples

_SPLITS = ("train", "validation", "test")
# Samples in memory whose labels are looked at together.
_AT_ONCE = 256


def with_labels_checked(bundle: DataBundle, task: str, dataset: str) -> DataBundle:
    """Return a bundle of which every label is checked.

    Samples in memory are checked here, all others when they are read.

    Args:
        bundle: The data.
        task: Name of the task.
        dataset: Name of the data set, for the error.

    Raises:
        LabelError: A label of a sample in memory is no class.
    """
    kind = task.rpartition("-")[2]
    if kind not in _EXPECTED or len(bundle.out_shape) != 1 or bundle.out_shape[0] < 2:
        return bundle
    splits: dict[str, Any] = {}
    for split in _SPLITS:
        samples = getattr(bundle, split)
        if samples is not None:
            rule = _Rule(kind, bundle.out_shape[0], dataset, split)
            splits[split] = rule.checked(samples)
    return replace(bundle, **splits)


def check_classes(targets: Tensor, classes: int, dataset: str, split: str) -> None:
    """Raise `LabelError` unless all targets, int64, shape ``(samples,)``, are class indices."""
    _Rule("classification", classes, dataset, split).check_all(targets)


_EXPECTED = {
    "classification": "is of class {value}; expected 0 to {most}",
    "segmentation": (
        f"has a pixel of class {{value}}; expected 0 to {{most}}, or {IGNORED} for pixels that "
        "do not count"
    ),
    "detection": "has an object of class {value}; expected 1 to {most}, as 0 is the background",
}


@dataclass(frozen=True)
class _Rule:
    """Which labels the samples of one split may have."""

    kind: str
    classes: int
    dataset: str
    split: str

    def checked(self, samples: Samples) -> Samples:
        if not isinstance(samples, InMemory):
            return _Checked(samples, self)
        self.check_all(samples.targets)
        return samples

    def check_all(self, targets: Tensor) -> None:
        for first in range(0, len(targets), _AT_ONCE):
            chunk = targets[first : first + _AT_ONCE]
            if self.wrong(self.labels(chunk, sample=False)) is None:
                continue
            for number, target in enumerate(chunk, first):
                self.check(target, number, "")

    def check(self, target: Any, index: int, source: str) -> None:
        value = self.wrong(self.labels(target))
        if value is not None:
            text = _EXPECTED[self.kind].format(value=value, most=self.classes - 1)
            raise LabelError(
                value,
                f"data set {self.dataset!r}: sample {index} of its {self.split} split{source} "
                f"{text}; mend the data set or its loader",
            )

    def labels(self, target: Any, *, sample: bool = True) -> Tensor | None:
        """Return the labels of a target; None where it has none of the kind that is checked."""
        if self.kind == "detection":
            target = target.get("labels") if isinstance(target, Mapping) else None
        elif isinstance(target, int | np.integer | np.ndarray):
            target = torch.as_tensor(target)
        if not isinstance(target, Tensor) or not target.numel():
            return None
        if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
            return None
        if self.kind == "classification" and target.ndim != (0 if sample else 1):
            return None
        return target.as_subclass(Tensor)

    def wrong(self, labels: Tensor | None) -> int | None:
        """Return the first label that is no class; None where there is none."""
        if labels is None:
            return None
        least = 1 if self.kind == "detection" else 0
        low, high = (int(one) for one in labels.aminmax())
        if least <= low and high < self.classes:
            return None
        outside = (labels < least) | (labels >= self.classes)
        if self.kind == "segmentation":
            outside &= labels != IGNORED
        found = labels[outside]
        return int(found[0]) if len(found) else None


class _Checked:
    """Samples whose labels are checked when they are read."""

    def __init__(self, samples: Samples, rule: _Rule) -> None:
        self.samples, self.rule = samples, rule

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int, /) -> tuple[Any, Any]:
        inputs, target = self.samples[index]
        if self.rule.wrong(self.rule.labels(target)) is not None:
            self.rule.check(target, index, _source(self.samples, index, target))
        return inputs, target


def _source(samples: Any, index: int, target: Any) -> str:
    """Return what else names a sample, in parentheses: its file, or the id of its image."""
    while isinstance(samples, Subset):
        samples, index = samples.dataset, samples.indices[index]
    if callable(getattr(samples, "file", None)):
        return f" ({samples.file(index)})"
    if isinstance(target, Mapping) and "image_id" in target:
        return f" (image_id {target['image_id']})"
    return ""
