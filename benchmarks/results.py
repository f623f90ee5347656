"""Taking in and reading what LEMUR published: seconds, and memory above the base.

    python benchmarks/results.py STAT.zip [--rows 100000,1000000] [--rounds 5]

The records of the archive are taken in again under other nets' names until there are so many.
Each reading is done in a process of its own, whose peak of memory is compared with that of one
which imports pandas and opens the database. Time is of the call alone, of the fastest round, for
what else the machine does only ever adds; memory is the median.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

READINGS = {
    "base": "data(db=db, max_rows=1)",
    "all rows": "data(db=db)",
    "best only": "data(db=db, only_best_accuracy=True)",
    "one net": "data(db=db, nn='ResNet')",
    "hyperparameters as columns": "data(db=db, prm_as_columns=True)",
}


def measure(db: str, call: str) -> None:
    """Print the seconds of a call and this process' peak of memory, in MiB."""
    from lemur_core import data

    data(db=db, max_rows=1)
    began = time.perf_counter()
    frame = eval(call, {"data": data, "db": db})
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(frame))


def measured(db: Path, call: str) -> tuple[float, float, int]:
    command = [sys.executable, __file__, "--measure", str(db), call]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]), float(answer[1]), int(answer[2])


def copies(archive: Path, rows: int) -> Iterator:
    """Yield the archive's records, then again under other names, until there are so many."""
    from lemur_core.kinds.importer import Fault
    from lemur_core.store.taking.layout import files_in, read_files

    left = rows
    for number in count():
        for each in read_files(files_in(archive)):
            if isinstance(each, Fault):
                raise SystemExit(f"{each.place}: {each.reason}")
            if number:
                each = each._replace(
                    pipeline=each.pipeline._replace(nn=f"{each.pipeline.nn}-copy{number}"),
                    records=[
                        one._replace(identity=f"{number:x}{one.identity}"[:32])
                        for one in each.records
                    ],
                )
            yield each._replace(records=each.records[:left])
            left -= len(each.records)
            if left <= 0:
                return


def fill(db: Path, archive: Path, rows: int) -> None:
    from lemur_core.store.database import opened
    from lemur_core.store.taking.intake import import_records

    with opened(db, create=True) as engine:
        import_records(engine, copies(archive, rows), str(archive), "a benchmark")


def import_rate(archive: Path, rounds: int) -> tuple[float, int]:
    """Return how many records a second are taken in, and how many there are."""
    from lemur_core.store.database import opened
    from lemur_core.store.taking.published import take_in

    seconds = []
    for _ in range(rounds):
        with (
            tempfile.TemporaryDirectory() as folder,
            opened(Path(folder) / "new.db", create=True) as engine,
        ):
            began = time.perf_counter()
            added = take_in(engine, archive).added
            seconds.append(time.perf_counter() - began)
    return added / min(seconds), added


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--rows", default="100000,1000000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("DB", "CALL"))
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    rate, records = import_rate(options.archive, options.rounds)
    print(f"import of {records:,} records: {rate:,.0f} a second")
    print(f"{'reading':<28}{'rows':>10}{'seconds':>10}{'MiB above base':>16}")
    for rows in map(int, options.rows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            db = Path(folder) / "results.db"
            fill(db, options.archive, rows)
            found = {name: [] for name in READINGS}
            for _ in range(options.rounds):
                for name, call in READINGS.items():
                    found[name].append(measured(db, call))
            base = median(memory for _, memory, _ in found["base"])
            for name, each in found.items():
                seconds, memory = min(one[0] for one in each), median(one[1] for one in each)
                print(f"{name:<28}{each[0][2]:>10,}{seconds:>10.3f}{memory - base:>16.0f}")


if __name__ == "__main__":
    main()
