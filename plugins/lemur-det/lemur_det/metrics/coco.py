"""COCO's scores of boxes: average precision and average recall over the whole dataset.

``outputs`` and ``targets`` are lists with a dictionary for each image. A dictionary of ``outputs``
has ``boxes``, float32, shape ``(predictions, 4)``, left, top, right and bottom in pixels,
``labels``, int64, shape ``(predictions,)``, and ``scores``, float32, 0 to 1, shape
``(predictions,)``. A dictionary of ``targets`` has ``boxes`` and ``labels``, and optionally
``iscrowd``, int64, shape ``(objects,)``, and ``image_id``.

Classes without a box in ``targets`` are ignored. If no box counts, COCO returns -1 and these
metrics 0. Boxes of equal score are ranked by ``image_id``, as in COCO, whatever the order of the
images. Each sample is one image, even if several have the same ``image_id``.

Microsoft COCO: Common Objects in Context (Lin et al. 2014), https://cocodataset.org/#detection-eval
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lemur_core.errors import LabelError, ShapeError
from lemur_det.metrics.evaluation import Boxes, Evaluation, evaluate

# 0.5, 0.55, ..., 0.95, computed as in COCO.
THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
_EMPTY = Boxes(
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, bool),
)
Objects = Mapping[str, Any]


class CocoMetric:
    """Collects the predicted and true boxes of all images since the last reset.

    Args:
        out_shape: ``(classes,)``, including the background.
    """

    thresholds: tuple[float, ...] = THRESHOLDS

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        [self.classes] = out_shape
        self.reset()

    def reset(self) -> None:
        """Discard all boxes."""
        self._ids: list[int] = []
        self._true = [_EMPTY]
        self._predicted = [_EMPTY]

    def update(self, outputs: Sequence[Objects], targets: Sequence[Objects]) -> None:
        """Add one batch.

        Raises:
            ShapeError: The numbers of outputs and targets differ, or those of labels and boxes.
            LabelError: A label of a target is the background or not a class.
        """
        if len(outputs) != len(targets):
            raise ShapeError(f"{len(outputs)} outputs for {len(targets)} targets")
        if not len(outputs):
            return
        first = len(self._ids)
        true = _boxes(targets, first)
        _check_labels(true.label, self.classes)
        self._predicted.append(_boxes(outputs, first))
        self._true.append(true)
        self._ids += [int(target.get("image_id", 0)) for target in targets]

    def compute(self) -> float:
        """Return the score, 0 to 1; 0 if no box counts, NaN if an output is not finite."""
        rank = np.argsort(np.argsort(self._ids, kind="stable"))
        true, predicted = (_concatenate(batches, rank) for batches in (self._true, self._predicted))
        if not (np.isfinite(predicted.box).all() and np.isfinite(predicted.score).all()):
            return float("nan")
        if true.crowd.all():
            return 0.0
        return self._score(evaluate(true, predicted, self.thresholds))

    def _score(self, evaluation: Evaluation) -> float:
        return float(evaluation.precision.mean())


class AveragePrecision50(CocoMetric):
    """Average precision at an intersection over union of 0.5, averaged over the classes."""

    thresholds = (0.5,)


class AveragePrecision(CocoMetric):
    """Average precision at 0.5, 0.55, ..., 0.95, averaged over these thresholds and the classes."""


class AverageRecall(CocoMetric):
    """Average recall at 0.5, 0.55, ..., 0.95 with at most 100 boxes per image and class."""

    def _score(self, evaluation: Evaluation) -> float:
        return float(evaluation.recall.mean())


def _boxes(batch: Sequence[Objects], first: int) -> Boxes:
    """Return the boxes of a batch, whose images are numbered from ``first``."""
    for objects in batch:
        _check(objects)
    counts = [len(objects["labels"]) for objects in batch]
    image = np.repeat(np.arange(first, first + len(batch)), counts)
    score, crowd = _values(batch, "scores").float(), _values(batch, "iscrowd").bool()
    label, box = _values(batch, "labels"), _values(batch, "boxes").float()
    return Boxes(image, *(part.cpu().numpy() for part in (label, box, score, crowd)))


def _values(batch: Sequence[Objects], name: str) -> Tensor:
    """Return an attribute of the boxes of all images, with zeros for images that do not have it."""
    # The batch as a whole: each copy from a GPU has to be waited for.
    return torch.cat(
        [
            objects[name] if name in objects else torch.zeros_like(objects["labels"])
            for objects in batch
        ]
    )


def _check(objects: Objects) -> None:
    boxes, count = objects["boxes"], len(objects["labels"])
    if boxes.shape != (count, 4):
        raise ShapeError(
            f"boxes {tuple(boxes.shape)} of {count} labels: expected ({count}, 4), XYXY in pixels"
        )
    for name in ("scores", "iscrowd"):
        if name in objects and objects[name].shape != (count,):
            raise ShapeError(f"{len(objects[name])} {name} of {count} boxes")


def _check_labels(labels: np.ndarray, classes: int) -> None:
    invalid = labels[(labels < 1) | (labels >= classes)]
    if len(invalid):
        raise LabelError(
            int(invalid[0]),
            f"a target has an object of class {invalid[0]}; expected 1 to {classes - 1}, "
            "as 0 is the background",
        )


def _concatenate(batches: Sequence[Boxes], rank: np.ndarray) -> Boxes:
    """Return the boxes of all batches, each with its image's rank."""
    image, *parts = map(
        np.concatenate, zip(*(vars(boxes).values() for boxes in batches), strict=True)
    )
    return Boxes(rank[image], *parts)
