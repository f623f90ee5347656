"""Images a second that metrics score, against the libraries that their numbers are compared with.

    python benchmarks/metrics.py [--rounds 7] [--metrics iou,...] [--threads 1]

Both score the same images, outputs and targets in memory, in turns; a ratio is that of the medians.
Their scores are printed, for a fast metric that is wrong is worth nothing.

iou     16 images of 512x512 pixels and 21 classes, four a batch; the rival is torchmetrics'
        MulticlassJaccardIndex, spared the checks of its arguments
map     500 images with 20 true boxes each and 20 found, 5 classes, 16 a batch; the rival is
        pycocotools, spared the making of its dictionaries; ours with faster-coco-eval and without
map5095 the same at ten thresholds
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


class Match(NamedTuple):
    """A metric and its rival, on the same images.

    Attributes:
        images: How many they score.
        ways: By name, ours first: score them all, from the beginning, and return the score.
    """

    images: int
    ways: dict[str, Callable[[], float]]


def iou() -> Match:
    from torchmetrics.classification import MulticlassJaccardIndex

    from lemur_core.kinds.loader import IGNORED
    from lemur_seg.metrics.confusion import MeanIoU

    classes, side, batch, batches = 21, 512, 4, 4
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(0, classes, (batch, side, side), generator=generator)
    outputs = torch.randn(batch, classes, side, side, generator=generator)
    # About two thirds of the pixels are right.
    outputs.scatter_add_(1, targets[:, None], torch.full((batch, 1, side, side), 2.5))
    targets[:, :32] = IGNORED
    rival = MulticlassJaccardIndex(classes, ignore_index=IGNORED, validate_args=False)

    def scored(metric) -> float:
        metric.reset()
        for _ in range(batches):
            metric.update(outputs, targets)
        return float(metric.compute())

    ours = MeanIoU((classes,))
    ways = {"lemur-seg": lambda: scored(ours), "torchmetrics": lambda: scored(rival)}
    return Match(batch * batches, ways)


def average_precision(name: str, place: int) -> Match:
    """Compare a metric with what COCO's summary has in some place."""
    from lemur_det.metrics import coco, evaluation

    images, boxes, classes = 500, 20, 6
    targets = drawn_boxes(images, boxes, classes)
    outputs = found_near(targets, classes)
    ours = getattr(coco, name)((classes,))

    def scored() -> float:
        # Kept from the round before.
        evaluation.evaluate.cache_clear()
        ours.reset()
        for first in range(0, images, 16):
            ours.update(outputs[first : first + 16], targets[first : first + 16])
        return ours.compute()

    def without() -> float:
        with mock.patch.dict(sys.modules, {"faster_coco_eval": None}):
            return scored()

    rival = partial(pycocotools_score, coco_dataset(targets, classes), results(outputs), place)
    return Match(
        images, {"with faster-coco-eval": scored, "without": without, "pycocotools": rival}
    )


def drawn_boxes(images: int, boxes: int, classes: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    targets = []
    for number in range(images):
        corners = 400 * torch.rand(boxes, 2, generator=generator)
        sides = 10 + 200 * torch.rand(boxes, 2, generator=generator)
        labels = torch.randint(1, classes, (boxes,), generator=generator)
        drawn = {"boxes": torch.cat([corners, corners + sides], 1), "labels": labels}
        targets.append(drawn | {"image_id": number})
    return targets


def found_near(targets: list[dict[str, Any]], classes: int) -> list[dict[str, Any]]:
    """Return each box moved a little, a fifth of them of a class by chance."""
    generator = torch.Generator().manual_seed(1)
    outputs = []
    for target in targets:
        boxes, labels = target["boxes"], target["labels"]
        other = torch.randint(1, classes, labels.shape, generator=generator)
        is_right = torch.rand(labels.shape, generator=generator) < 0.8
        outputs.append(
            {
                "boxes": boxes + 5 * torch.randn(boxes.shape, generator=generator),
                "labels": torch.where(is_right, labels, other),
                "scores": torch.rand(labels.shape, generator=generator),
            }
        )
    return outputs


def results(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return boxes as COCO's files of results have them."""
    made = []
    for number, image in enumerate(images):
        scores = image.get("scores", torch.ones(len(image["boxes"])))
        for box, label, score in zip(image["boxes"], image["labels"], scores, strict=True):
            left, top, right, bottom = box.double().tolist()
            row = {"image_id": number, "category_id": int(label), "score": score.item()}
            made.append(row | {"bbox": [left, top, right - left, bottom - top]})
    return made


def coco_dataset(targets: list[dict[str, Any]], classes: int) -> dict[str, Any]:
    rows = [
        row | {"id": number, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]}
        for number, row in enumerate(results(targets), 1)
    ]
    images = [{"id": number} for number in range(len(targets))]
    categories = [{"id": label} for label in range(1, classes)]
    return {"images": images, "categories": categories, "annotations": rows}


def pycocotools_score(dataset: dict[str, Any], found: list[dict[str, Any]], place: int) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        true = COCO()
        true.dataset = dataset
        true.createIndex()
        # What is given is written to.
        evaluation = COCOeval(true, true.loadRes([dict(row) for row in found]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[place])


MATCHES = {
    "iou": iou,
    "map": partial(average_precision, "AveragePrecision50", 1),
    "map5095": partial(average_precision, "AveragePrecision", 0),
}


def compare(name: str, rounds: int) -> None:
    images, ways = MATCHES[name]()
    scores = {way: score() for way, score in ways.items()}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, score in ways.items():
            began = time.perf_counter()
            score()
            taken[way].append(time.perf_counter() - began)
    ours = statistics.median(next(iter(taken.values())))
    for way, seconds in taken.items():
        median = statistics.median(seconds)
        print(
            f"{name:<10}{way:<24}{images / median:10.1f}{median / ours:8.2f}{scores[way]:12.6f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--metrics", default=",".join(MATCHES))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{'metric':<10}{'':<24}{'images/s':>10}{'takes':>8}{'score':>12}")
    for name in options.metrics.split(","):
        compare(name, options.rounds)


if __name__ == "__main__":
    main()
