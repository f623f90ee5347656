"""The speed-up of two workers over one, on two cores.

    python benchmarks/workers.py [--rounds 3] [--trials 8] [--epochs 120]

Whole commands run in turns, with a small net on one thread per worker.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time

from commands import lemur, run


def seconds(workers: int, trials: int, epochs: int) -> float:
    command = lemur("Small", epochs)
    command[command.index("--trials") + 1] = str(trials)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run([*command, "--workers", str(workers)], folder)
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=120)
    options = parser.parse_args()
    ratios = []
    print(f"{'one, s':>10}{'two, s':>10}{'ratio':>8}")
    for _ in range(options.rounds):
        one_s, two_s = (seconds(workers, options.trials, options.epochs) for workers in (1, 2))
        ratios.append(one_s / two_s)
        print(f"{one_s:10.1f}{two_s:10.1f}{ratios[-1]:8.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
