"""Images a second that metrics score, against the libraries that their numbers are compared with.

    python benchmarks/metrics.py [--rounds 7] [--metrics iou,...] [--threads 1]

Both score the same images, outputs and targets in memory, in turns; a ratio is that of the medians.
Their scores are printed, for a fast metric that is wrong is worth nothing.

iou     16 images of 512x512 pixels and 21 classes, four a batch; the rival is torchmetrics'
        MulticlassJaccardIndex, spared the checks of its arguments
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch


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


MATCHES = {"iou": iou}


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
            f"{name:<10}{way:<20}{images / median:10.1f}{median / ours:8.2f}{scores[way]:12.6f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--metrics", default=",".join(MATCHES))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{'metric':<10}{'':<20}{'images/s':>10}{'takes':>8}{'score':>12}")
    for name in options.metrics.split(","):
        compare(name, options.rounds)


if __name__ == "__main__":
    main()
