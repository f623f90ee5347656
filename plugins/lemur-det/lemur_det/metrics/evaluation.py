"""COCO's evaluation of boxes, as pycocotools defines it.

pycocotools does it, or faster-coco-eval where that is installed, which gives the same numbers in a
fraction of the time. Of the area ranges only "all" is evaluated, of the numbers of detections only
100 for each image and class: the other ranges change nothing in these.
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

MOST_FOUND = 100
_ALL_AREAS = [0.0, 1e10]


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of a whole data set, those that are true or those that were found.

    Attributes:
        image: Number of the image that each is in, int64, shape ``(boxes,)``.
        label: Class index, int64, shape ``(boxes,)``.
        box: Left, top, right and bottom in pixels, float32, shape ``(boxes, 4)``.
        score: Of those found, 0 to 1, float32, shape ``(boxes,)``.
        crowd: Of those true, whether it is a region of many objects, bool, shape ``(boxes,)``.
    """

    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    score: np.ndarray
    crowd: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, rows: Any) -> Boxes:
        return Boxes(*(part[rows] for part in vars(self).values()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Boxes) and all(
            np.array_equal(*parts)
            for parts in zip(vars(self).values(), vars(other).values(), strict=True)
        )

    def __hash__(self) -> int:
        return hash((len(self), float(self.score.sum()), float(self.box.sum())))


@dataclass(frozen=True)
class Evaluation:
    """What COCO's evaluation gives for each class that some true box has, crowds aside.

    Attributes:
        precision: At the recalls 0, 0.01 to 1, float64, shape ``(thresholds, 101, classes)``.
        recall: With all that was found, float64, shape ``(thresholds, classes)``.
    """

    precision: np.ndarray
    recall: np.ndarray


# Metrics that are recorded together look at the same boxes; two, as one of them has a threshold of
# its own.
@lru_cache(maxsize=2)
def evaluate(true: Boxes, found: Boxes, thresholds: tuple[float, ...]) -> Evaluation:
    """Evaluate boxes at some thresholds of the intersection over union."""
    classes = np.unique(true.label[~true.crowd])
    # A class that no true box has is not scored, whatever was found of it.
    true, found = (boxes[np.isin(boxes.label, classes)] for boxes in (true, found))
    images = np.union1d(true.image, found.image).tolist()
    with redirect_stdout(io.StringIO()):
        made = _evaluator(*(_dataset(boxes, images, classes.tolist()) for boxes in (true, found)))
        made.params.iouThrs = np.array(thresholds)
        made.params.maxDets = [MOST_FOUND]
        made.params.areaRng, made.params.areaRngLbl = [_ALL_AREAS], ["all"]
        made.evaluate()
        made.accumulate()
    # Of the one area range and the one number of detections.
    return Evaluation(made.eval["precision"][..., 0, 0], made.eval["recall"][..., 0, 0])


def _evaluator(true: dict[str, Any], found: dict[str, Any]) -> Any:
    try:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    except ImportError:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    indexed = []
    for dataset in (true, found):
        coco = COCO()
        coco.dataset = dataset
        coco.createIndex()
        indexed.append(coco)
    return COCOeval(*indexed, iouType="bbox")


def _dataset(boxes: Boxes, images: Sequence[int], classes: Sequence[int]) -> dict[str, Any]:
    """Return boxes as a file of COCO's holds them."""
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
        # To COCO's evaluation 0 is what has no match.
        {"id": number, **dict(zip(names, values, strict=True))}
        for number, values in enumerate(zip(*columns, strict=True), 1)
    ]
    return {
        "images": [{"id": image} for image in images],
        "categories": [{"id": label} for label in classes],
        "annotations": annotations,
    }
