"""COCO's scores of boxes: average precision and average recall over the whole data set.

``outputs`` and ``targets`` are lists with a dictionary for each image. One of ``outputs`` has
``boxes``, float32, shape ``(found, 4)``, left, top, right and bottom in pixels, ``labels``, int64,
shape ``(found,)``, and ``scores``, float32, 0 to 1, shape ``(found,)``; one of ``targets`` has
``boxes`` and ``labels``, and may have ``iscrowd``, int64, shape ``(true,)``, and ``image_id``.

A class that no box of ``targets`` has does not count; where none has a box that counts, COCO gives
-1 and these give 0. Boxes of equal score rank by ``image_id``, as COCO ranks them, in whatever
order their images come. One sample is one image, even where two have the same ``image_id``.

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

# 0.5, 0.55 to 0.95, as COCO's own parameters have them.
THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
_NONE = Boxes(
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, bool),
)
Objects = Mapping[str, Any]


class Coco:
    """What was found and what is true, of all images since the reset.

    Args:
        out_shape: ``(classes,)``, with the background.
    """

    thresholds: tuple[float, ...] = THRESHOLDS

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        [self.classes] = out_shape
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._ids: list[int] = []
        self._true = [_NONE]
        self._found = [_NONE]

    def update(self, outputs: Sequence[Objects], targets: Sequence[Objects]) -> None:
        """Take one batch.

        Raises:
            ShapeError: There are not as many outputs as targets, or not as many labels as boxes.
            LabelError: A label of a target is the background or no class.
        """
        if len(outputs) != len(targets):
            raise ShapeError(f"{len(outputs)} outputs for {len(targets)} targets")
        if not len(outputs):
            return
        first = len(self._ids)
        true = _boxes(targets, first)
        _check_labels(true.label, self.classes)
        self._found.append(_boxes(outputs, first))
        self._true.append(true)
        self._ids += [int(target.get("image_id", 0)) for target in targets]

    def compute(self) -> float:
        """Return the score, 0 to 1; 0 where no box counts; NaN where an output is not finite."""
        rank = np.argsort(np.argsort(self._ids, kind="stable"))
        true, found = (_together(batches, rank) for batches in (self._true, self._found))
        if not (np.isfinite(found.box).all() and np.isfinite(found.score).all()):
            return float("nan")
        if true.crowd.all():
            return 0.0
        return self._score(evaluate(true, found, self.thresholds))

    def _score(self, evaluation: Evaluation) -> float:
        return float(evaluation.precision.mean())


class AveragePrecision50(Coco):
    """Average precision at an intersection over union of 0.5, averaged over the classes."""

    thresholds = (0.5,)


class AveragePrecision(Coco):
    """Average precision at 0.5, 0.55 to 0.95, averaged over these and the classes."""


class AverageRecall(Coco):
    """Recall of at most 100 boxes an image and class at 0.5, 0.55 to 0.95, averaged likewise."""

    def _score(self, evaluation: Evaluation) -> float:
        return float(evaluation.recall.mean())


def _boxes(batch: Sequence[Objects], first: int) -> Boxes:
    """Return the boxes of a batch, those of its first image numbered ``first``."""
    for each in batch:
        _check(each)
    counts = [len(each["labels"]) for each in batch]
    image = np.repeat(np.arange(first, first + len(batch)), counts)
    score, crowd = _values(batch, "scores").float(), _values(batch, "iscrowd").bool()
    label, box = _values(batch, "labels"), _values(batch, "boxes").float()
    return Boxes(image, *(part.cpu().numpy() for part in (label, box, score, crowd)))


def _values(batch: Sequence[Objects], name: str) -> Tensor:
    """Return a part of all images' boxes, 0 for those of each image that does not have it."""
    # Of a batch at once: from a GPU each copy is waited for.
    return torch.cat(
        [each[name] if name in each else torch.zeros_like(each["labels"]) for each in batch]
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
    wrong = labels[(labels < 1) | (labels >= classes)]
    if len(wrong):
        raise LabelError(
            int(wrong[0]),
            f"a target has an object of class {wrong[0]}; expected 1 to {classes - 1}, "
            "as 0 is the background",
        )


def _together(batches: Sequence[Boxes], rank: np.ndarray) -> Boxes:
    """Return the boxes of all batches, each with its image's rank."""
    image, *parts = map(np.concatenate, zip(*(vars(one).values() for one in batches), strict=True))
    return Boxes(rank[image], *parts)
