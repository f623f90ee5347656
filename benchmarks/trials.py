"""The cost of 200 trials of one short epoch, apart from training.

    python benchmarks/trials.py [--rounds 3]

Training is the time in the trials' records, from the start of a net's training until it is scored.
The time outside is spent on asking the search, on the records' transactions, on building nets and
on sending trials to the worker; it is measured from the start of the first trial to the end of the
last one. The time of the whole command, which also imports torch twice and reads the data, is
printed too.
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


def measure(folder: str) -> tuple[float, float, float]:
    """Return the seconds of the command, of the trials from first to last, and of training."""
    command = lemur("Small", 1)
    command[command.index("--trials") + 1] = str(TRIALS)
    command[-1] = "--set=batch=64"
    started = time.perf_counter()
    run(command, folder)
    command_s = time.perf_counter() - started
    with sqlite3.connect(Path(folder) / "lemur.db") as connection:
        [(first, last)] = connection.execute("select min(started), max(ended) from trial")
        [(trained_ns, count)] = connection.execute("select sum(duration), count(*) from stat")
    assert count == TRIALS
    elapsed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return command_s, elapsed.total_seconds(), trained_ns / 1e9


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shares = []
    print(f"{'command s':>10}{'trials s':>10}{'training s':>12}{'epoch ms':>10}{'outside':>9}")
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            command_s, trials_s, training_s = measure(folder)
        shares.append(1 - training_s / trials_s)
        print(
            f"{command_s:10.1f}{trials_s:10.1f}{training_s:12.1f}{training_s / TRIALS * 1e3:10.0f}"
            f"{shares[-1]:9.1%}"
        )
    print(f"outside training: {statistics.median(shares):.1%}")


if __name__ == "__main__":
    main()
