"""COCO's evaluation of boxes, as defined by pycocotools.

It is computed by faster-coco-eval if that is installed, otherwise by pycocotools, with the same
results. It is restricted to the area range "all" and to 100 detections per image and class; other
settings do not affect these results.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DETECTIONS = 100
_ALL_AREAS = [0.0, 1e10]


@dataclass(frozen=True, eq=False)
class Boxes:
    """The true or the predicted boxes of a whole dataset.

    Attributes:
        image: Number of the image of each box, int64, shape ``(boxes,)``.
        label: Class index, int64, shape ``(boxes,)``.
        box: Left, top, right and bottom in pixels, float32, shape ``(boxes, 4)``.
        score: Scores of predicted boxes, 0 to 1, float32, shape ``(boxes,)``.
        crowd: Whether a true box is a region of many objects, bool, shape ``(boxes,)``.
    """

    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    score: np.ndarray
    crowd: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, rows: Any) -> Boxes:
        return Boxes(*(values[rows] for values in vars(self).values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Boxes) and all(
            np.array_equal(*pair)
            for pair in zip(vars(self).values(), vars(other).values(), strict=True)
        )

    def __hash__(self) -> int:
        return hash((len(self), float(self.score.sum()), float(self.box.sum())))


@dataclass(frozen=True)
class Evaluation:
    """COCO's results for the classes that have a true box, crowds excluded.

    Attributes:
        precision: At the recalls 0, 0.01, ..., 1, float64, shape ``(thresholds, 101, classes)``.
        recall: With all predictions, float64, shape ``(thresholds, classes)``.
    """

    precision: np.ndarray
    recall: np.ndarray


# Metrics that are recorded together evaluate the same boxes. Two entries, because one of the
# metrics has its own threshold.
@lru_cache(maxsize=2)
def evaluate(true: Boxes, predicted: Boxes, thresholds: tuple[float, ...]) -> Evaluation:
    """Evaluate boxes at thresholds of the intersection over union."""
    classes = np.unique(true.label[~true.crowd])
    # Classes without a true box are not scored, whatever was predicted.
    true, predicted = (boxes[np.isin(boxes.label, classes)] for boxes in (true, predicted))
    images = np.union1d(true.image, predicted.image).tolist()
    with redirect_stdout(io.StringIO()):
        evaluator = _evaluator(
            *(_dataset(boxes, images, classes.tolist()) for boxes in (true, predicted))
        )
        evaluator.params.iouThrs = np.array(thresholds)
        evaluator.params.maxDets = [MAX_DETECTIONS]
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [_ALL_AREAS], ["all"]
        evaluator.evaluate()
        evaluator.accumulate()
    # The results of the only area range and the only number of detections.
    return Evaluation(evaluator.eval["precision"][..., 0, 0], evaluator.eval["recall"][..., 0, 0])


def _evaluator(true: dict[str, Any], predicted: dict[str, Any]) -> Any:
    try:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    except ImportError:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    indexed = []
    for dataset in (true, predicted):
        coco = COCO()
        coco.dataset = dataset
        coco.createIndex()
        indexed.append(coco)
    return COCOeval(*indexed, iouType="bbox")


def _dataset(boxes: Boxes, images: Sequence[int], classes: Sequence[int]) -> dict[str, Any]:
    """Return boxes in the format of a COCO file."""
    corners = boxes.box.astype(np.float64)
    sides = corners[:, 2:] - corners[:, :2]
    columns = (
        boxes.image.tolist(),
        boxes.label.tolist(),
        np.hstack([corners[:, :2], sides]).tolist(),
        sides.prod(1).tolist(),
        boxes.crowd.astype(int).tolist(),
        boxes.score.tolist(),
    )
    names = ("image_id", "category_id", "bbox", "area", "iscrowd", "score")
    annotations = [
        # Ids start at 1, because COCO's evaluation uses 0 for boxes without a match.
        {"id": number, **dict(zip(names, values, strict=True))}
        for number, values in enumerate(zip(*columns, strict=True), 1)
    ]
    return {
        "images": [{"id": image} for image in images],
        "categories": [{"id": label} for label in classes],
        "annotations": annotations,
    }
