"""Import and read LEMUR's published records: seconds, and memory above a base process.

    python benchmarks/results.py STAT.zip [--rows 100000,1000000] [--rounds 5]

The archive's records are imported repeatedly, under different names of nets, up to the number of
rows. Each call runs in its own process. Its peak memory is compared with that of a process that
imports pandas and opens the database. Times are those of the call, in the fastest round, because
other load can only add to them; memory is the median.
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

CALLS = {
    "base": "data(db=db, max_rows=1)",
    "all rows": "data(db=db)",
    "best only": "data(db=db, only_best_accuracy=True)",
    "one net": "data(db=db, nn='ResNet')",
    "hyperparameters as columns": "data(db=db, prm_as_columns=True)",
}


def measure(db: str, call: str) -> None:
    """Print a call's seconds, this process's peak memory in MiB, and the number of rows."""
    from lemur_core import data

    data(db=db, max_rows=1)
    started = time.perf_counter()
    frame = eval(call, {"data": data, "db": db})
    seconds = time.perf_counter() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(frame))


def run_measure(db: Path, call: str) -> tuple[float, float, int]:
    command = [sys.executable, __file__, "--measure", str(db), call]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]), float(answer[1]), int(answer[2])


def copies(archive: Path, rows: int) -> Iterator:
    """Yield the archive's records repeatedly, under different names, up to a number of rows."""
    from lemur_core.kinds.importer import Fault
    from lemur_core.store.importing.layout import files_in, read_files

    remaining = rows
    for number in count():
        for item in read_files(files_in(archive)):
            if isinstance(item, Fault):
                raise SystemExit(f"{item.place}: {item.reason}")
            if number:
                item = item._replace(
                    pipeline=item.pipeline._replace(nn=f"{item.pipeline.nn}-copy{number}"),
                    records=[
                        record._replace(identity=f"{number:x}{record.identity}"[:32])
                        for record in item.records
                    ],
                )
            yield item._replace(records=item.records[:remaining])
            remaining -= len(item.records)
            if remaining <= 0:
                return


def fill(db: Path, archive: Path, rows: int) -> None:
    from lemur_core.store.database import open_engine
    from lemur_core.store.importing.intake import import_records

    with open_engine(db, create=True) as engine:
        import_records(engine, copies(archive, rows), str(archive), "a benchmark")


def import_rate(archive: Path, rounds: int) -> tuple[float, int]:
    """Return the number of records imported per second, and the number of records."""
    from lemur_core.store.database import open_engine
    from lemur_core.store.importing.published import import_results

    seconds = []
    for _ in range(rounds):
        with (
            tempfile.TemporaryDirectory() as folder,
            open_engine(Path(folder) / "new.db", create=True) as engine,
        ):
            started = time.perf_counter()
            added = import_results(engine, archive).added
            seconds.append(time.perf_counter() - started)
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
    print(f"import of {records:,} records: {rate:,.0f} per second")
    print(f"{'call':<28}{'rows':>10}{'seconds':>10}{'MiB above base':>16}")
    for rows in map(int, options.rows.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            db = Path(folder) / "results.db"
            fill(db, options.archive, rows)
            results = {name: [] for name in CALLS}
            for _ in range(options.rounds):
                for name, call in CALLS.items():
                    results[name].append(run_measure(db, call))
            base = median(memory for _, memory, _ in results["base"])
            for name, measurements in results.items():
                seconds, memory = (
                    min(measurement[0] for measurement in measurements),
                    median(measurement[1] for measurement in measurements),
                )
                print(f"{name:<28}{measurements[0][2]:>10,}{seconds:>10.3f}{memory - base:>16.0f}")


if __name__ == "__main__":
    main()
