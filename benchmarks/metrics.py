"""Images per second that metrics score, compared with the libraries that define them.

    python benchmarks/metrics.py [--rounds 7] [--metrics iou,...] [--threads 1]

The programs score the same images, outputs and targets in memory, in turns; ratios are those of the
medians. The scores are printed, because a fast metric is useless if it is wrong.

iou     16 images of 512x512 pixels and 21 classes, four per batch; the rival is torchmetrics'
        MulticlassJaccardIndex, without the validation of its arguments
map     500 images with 20 true and 20 predicted boxes each, 5 classes, 16 per batch; the rival is
        pycocotools, without the conversion to its dictionaries; lemur-det is measured with
        faster-coco-eval and without
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


class Comparison(NamedTuple):
    """A metric and its rival, on the same images.

    Attributes:
        images: Number of images.
        programs: Functions by name, ours first. Each scores all images and returns the score.
    """

    images: int
    programs: dict[str, Callable[[], float]]


def iou() -> Comparison:
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

    def score(metric) -> float:
        metric.reset()
        for _ in range(batches):
            metric.update(outputs, targets)
        return float(metric.compute())

    ours = MeanIoU((classes,))
    programs = {"lemur-seg": lambda: score(ours), "torchmetrics": lambda: score(rival)}
    return Comparison(batch * batches, programs)


def average_precision(name: str, place: int) -> Comparison:
    """Compare a metric with the value at a place of COCO's summary."""
    from lemur_det.metrics import coco, evaluation

    images, boxes, classes = 500, 20, 6
    targets = random_boxes(images, boxes, classes)
    outputs = predictions_near(targets, classes)
    ours = getattr(coco, name)((classes,))

    def score() -> float:
        # Discard the result of the previous round.
        evaluation.evaluate.cache_clear()
        ours.reset()
        for first in range(0, images, 16):
            ours.update(outputs[first : first + 16], targets[first : first + 16])
        return ours.compute()

    def score_without() -> float:
        with mock.patch.dict(sys.modules, {"faster_coco_eval": None}):
            return score()

    rival = partial(pycocotools_score, coco_dataset(targets, classes), results(outputs), place)
    return Comparison(
        images, {"with faster-coco-eval": score, "without": score_without, "pycocotools": rival}
    )


def random_boxes(images: int, boxes: int, classes: int) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    targets = []
    for number in range(images):
        corners = 400 * torch.rand(boxes, 2, generator=generator)
        sides = 10 + 200 * torch.rand(boxes, 2, generator=generator)
        labels = torch.randint(1, classes, (boxes,), generator=generator)
        target = {"boxes": torch.cat([corners, corners + sides], 1), "labels": labels}
        targets.append(target | {"image_id": number})
    return targets


def predictions_near(targets: list[dict[str, Any]], classes: int) -> list[dict[str, Any]]:
    """Return each box shifted a little, a fifth of them with a random class."""
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
    """Return boxes in the format of COCO's result files."""
    rows = []
    for number, image in enumerate(images):
        scores = image.get("scores", torch.ones(len(image["boxes"])))
        for box, label, score in zip(image["boxes"], image["labels"], scores, strict=True):
            left, top, right, bottom = box.double().tolist()
            row = {"image_id": number, "category_id": int(label), "score": score.item()}
            rows.append(row | {"bbox": [left, top, right - left, bottom - top]})
    return rows


def coco_dataset(targets: list[dict[str, Any]], classes: int) -> dict[str, Any]:
    rows = [
        row | {"id": number, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]}
        for number, row in enumerate(results(targets), 1)
    ]
    images = [{"id": number} for number in range(len(targets))]
    categories = [{"id": label} for label in range(1, classes)]
    return {"images": images, "categories": categories, "annotations": rows}


def pycocotools_score(
    dataset: dict[str, Any], predictions: list[dict[str, Any]], place: int
) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        true = COCO()
        true.dataset = dataset
        true.createIndex()
        # pycocotools modifies its arguments.
        evaluation = COCOeval(true, true.loadRes([dict(row) for row in predictions]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[place])


COMPARISONS = {
    "iou": iou,
    "map": partial(average_precision, "AveragePrecision50", 1),
    "map5095": partial(average_precision, "AveragePrecision", 0),
}


def compare(name: str, rounds: int) -> None:
    images, programs = COMPARISONS[name]()
    scores = {program: score() for program, score in programs.items()}
    times: dict[str, list[float]] = {program: [] for program in programs}
    for _ in range(rounds):
        for program, score in programs.items():
            started = time.perf_counter()
            score()
            times[program].append(time.perf_counter() - started)
    ours = statistics.median(next(iter(times.values())))
    for program, seconds in times.items():
        median = statistics.median(seconds)
        print(
            f"{name:<10}{program:<24}{images / median:10.1f}{median / ours:8.2f}"
            f"{scores[program]:12.6f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--metrics", default=",".join(COMPARISONS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{'metric':<10}{'':<24}{'images/s':>10}{'time':>8}{'score':>12}")
    for name in options.metrics.split(","):
        compare(name, options.rounds)


if __name__ == "__main__":
    main()
