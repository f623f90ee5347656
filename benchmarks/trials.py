"""What 200 trials of one epoch of a tenth of a second cost beside their training.

    python benchmarks/trials.py [--rounds 3]

Training is what the trials' records say: from when a net's training begins to when it is scored.
Outside of it are asking the search, the records' transactions, building nets, and sending trials to
the worker; counted from the first trial's beginning to the last one's end. The whole command, which
imports torch twice and reads the data first, is shown too.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from commands import lemur, run

TRIALS = 200


def measured(folder: str) -> tuple[float, float, float]:
    """Return the seconds of the command, from the first trial to the last, and of training."""
    command = lemur("Small", 1)
    command[command.index("--trials") + 1] = str(TRIALS)
    command[-1] = "--set=batch=64"
    began = time.perf_counter()
    run(command, folder)
    whole = time.perf_counter() - began
    with sqlite3.connect(Path(folder) / "lemur.db") as connection:
        [(first, last)] = connection.execute("select min(started), max(ended) from trial")
        [(trained_ns, count)] = connection.execute("select sum(duration), count(*) from stat")
    assert count == TRIALS
    between = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return whole, between.total_seconds(), trained_ns / 1e9


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shares = []
    print(f"{'command s':>10}{'trials s':>10}{'training s':>12}{'epoch ms':>10}{'outside':>9}")
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            whole, between, trained = measured(folder)
        shares.append(1 - trained / between)
        print(
            f"{whole:10.1f}{between:10.1f}{trained:12.1f}{trained / TRIALS * 1e3:10.0f}"
            f"{shares[-1]:9.1%}"
        )
    print(f"outside training: {statistics.median(shares):.1%}")


if __name__ == "__main__":
    main()
