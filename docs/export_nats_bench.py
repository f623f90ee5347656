"""Export the accuracies of NATS-Bench to a table that ``lemur db import`` reads.

    pip install nats-bench
    python docs/export_nats_bench.py NATS-tss-v1_0-3ffb9-simple tss 200 > nats.csv

The first argument is the folder of the benchmark's files, unpacked. The second is the search space:
``tss``, 15,625 topologies, or ``sss``, 32,768 sizes. The third is the training of which the
accuracies are: ``200`` epochs in ``tss``, ``90`` in ``sss``, or a shorter one.
"""

from __future__ import annotations

import csv
import sys

from nats_bench import create  # type: ignore[import-not-found]

MILLION = 1e6


def main(folder: str, space: str, epochs: str) -> None:
    """Write the table to the standard output."""
    api = create(folder, space, fast_mode=True, verbose=False)
    table = csv.writer(sys.stdout)
    table.writerow(["idx", "arch", "dataset", "flops", "params", "test_accuracy"])
    for number in range(len(api)):
        for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
            # The mean over the seeds; otherwise, it would be one of them, drawn at random.
            scores = api.get_more_info(number, dataset, hp=epochs, is_random=False)
            cost = api.get_cost_info(number, dataset, hp=epochs)
            flops, params = (MILLION * cost[name] for name in ("flops", "params"))
            row = [number, api.arch(number), dataset, flops, params, scores["test-accuracy"]]
            table.writerow(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
