"""Epochs per second that are written to an SQLite file, each in its own transaction.

    python benchmarks/records.py [--runs 7] [--records 5000]

`Writer.record` and the rival write in turns, each to its own file in the same folder, so other load
on the machine affects both; the first round is not counted. The rival is a plain loop with one
connection per record: for each epoch it opens the file, inserts a row, commits and closes it, once
with SQLite's default journal and once with a write-ahead log, which lemur uses. lemur's commits
survive a crash of the process, but a power failure can lose the last ones. The rival waits for the
disk at each commit.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline
from lemur_core.store.database import open_database
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Trial

ENTRY = Entry("any", __file__)
PIPELINE = Pipeline("task", "data", "score", "Net", ENTRY, ENTRY, ENTRY, {"plain": ENTRY})
STAT = (
    "create table stat (trial_id integer, epoch integer, accuracy float, validation float,"
    " loss float, duration integer, primary key (trial_id, epoch))"
)
Round = Callable[[int, int], None]


def lemur(db: Path) -> Round:
    """Return a function that records a number of epochs of a new trial."""
    writer = Writer(open_database(db), {})

    def write(number: int, records: int) -> None:
        trial = Trial(PIPELINE, number, {"lr": 0.1, "transform": "plain"}, 1, records)
        trial_id = writer.begin(trial)
        for epoch in range(1, records + 1):
            writer.record(trial_id, Epoch(epoch, 0.5, 0.25, 0.25, epoch * 10**9))

    return write


def connection_per_record(db: Path, journal: str) -> Round:
    connection = sqlite3.connect(db)
    connection.execute(f"pragma journal_mode = {journal}")
    connection.execute(STAT)
    connection.close()

    def write(number: int, records: int) -> None:
        for epoch in range(1, records + 1):
            connection = sqlite3.connect(db)
            row = (number, epoch, 0.25, 0.25, 0.5, epoch * 10**9)
            connection.execute("insert into stat values (?, ?, ?, ?, ?, ?)", row)
            connection.commit()
            connection.close()

    return write


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--records", type=int, default=5000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.runs, options.records)


def measure(folder: Path, runs: int, records: int) -> None:
    rounds = {
        "Writer.record": (lemur(folder / "lemur.db"), records),
        # These are slow, so a tenth of the records is enough.
        "one connection per record": (
            connection_per_record(folder / "delete.db", "delete"), records // 10,
        ),
        "one connection per record, WAL": (
            connection_per_record(folder / "wal.db", "wal"), records // 10,
        ),
    }  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in rounds}
    for run in range(runs + 1):
        for name, (write, count) in rounds.items():
            started = time.perf_counter()
            write(run + 1, count)
            if run:
                rates[name].append(count / (time.perf_counter() - started))
    baseline = statistics.median(rates["one connection per record"])
    print(f"{'':<32}{'records/s':>10}{'slowest':>10}{'fastest':>10}{'ratio':>8}")
    for name, rate in rates.items():
        median = statistics.median(rate)
        print(f"{name:<32}{median:10.0f}{min(rate):10.0f}{max(rate):10.0f}{median / baseline:8.1f}")


if __name__ == "__main__":
    main()
