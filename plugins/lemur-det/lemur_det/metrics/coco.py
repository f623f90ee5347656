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

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lemur_core.errors import ShapeError
from lemur_det.metrics.evaluation import Boxes, Evaluation, evaluate

# 0.5, 0.55 to 0.95, as COCO's own parameters have them.
THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
Objects = Mapping[str, Any]


class Coco:
    """What was found and what is true, of all images since the reset.

    Args:
        out_shape: ``(classes,)``, with the background.
    """

    thresholds: tuple[float, ...] = THRESHOLDS

    def __init__(self, out_shape: tuple[int, ...]) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._ids: list[int] = []
        self._true: list[Boxes] = []
        self._found: list[Boxes] = []

    def update(self, outputs: Sequence[Objects], targets: Sequence[Objects]) -> None:
        """Take one batch.

        Raises:
            ShapeError: There are not as many outputs as targets, or not as many labels as boxes.
        """
        if len(outputs) != len(targets):
            raise ShapeError(f"{len(outputs)} outputs for {len(targets)} targets")
        first = len(self._ids)
        self._found.append(_joined(outputs, first, "scores"))
        self._true.append(_joined(targets, first, "iscrowd"))
        self._ids += [int(target.get("image_id", 0)) for target in targets]

    def compute(self) -> float:
        """Return the score, 0 to 1; 0 where no box counts; NaN where an output is not finite."""
        true, found = (_together(boxes, self._ids) for boxes in (self._true, self._found))
        if not (np.isfinite(found.box).all() and np.isfinite(found.score).all()):
            return float("nan")
        return self._score(evaluate(true, found, self.thresholds)) if _counts(true) else 0.0

    def _score(self, evaluation: Evaluation) -> float:
        return float(evaluation.precision.mean())


class AveragePrecision50(Coco):
    """Average precision at an intersection over union of 0.5, averaged over the classes."""

    thresholds = (0.5,)


class AveragePrecision(Coco):
    """Average precision at 0.5, 0.55 to 0.95, averaged over these and the classes."""


class AverageRecall(Coco):
    """Recall of 100 boxes an image and class at 0.5, 0.55 to 0.95, averaged likewise."""

    def _score(self, evaluation: Evaluation) -> float:
        return float(evaluation.recall.mean())


def _counts(true: Boxes) -> bool:
    return not true.crowd.all()


def _together(batches: Iterable[Boxes], ids: Sequence[int]) -> Boxes:
    """Return the boxes of all batches in the order of their images' ids."""
    rank = np.argsort(np.argsort(ids, kind="stable"))
    parts = [np.concatenate(parts) for parts in zip(*(vars(one).values() for one in batches))]
    boxes = Boxes(*parts)
    ...
