"""Write the page about a population of nets for made errors, and measure its time and size.

    python benchmarks/representativeness.py [--rounds 1]

Each page is written in a process of its own, as ``lemur report --population`` does: 500 nets of a
design space on 13 datasets with all stage settings, and 15,625 nets on 3 datasets.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CASES = {"500 x 13": (500, 13, True), "15,625 x 3": (15_625, 3, False)}


def population(nets: int, datasets: int, *, with_stages: bool) -> pd.DataFrame:
    """Return a population whose ranks agree between datasets, but for noise."""
    import pandas as pd

    random = np.random.default_rng(0)
    quality = random.normal(size=nets)
    settings = {
        f"{name}_{stage}": times * 2 ** random.integers(0, 5, nets)
        for stage in range(1, 5)
        for name, times in (("depth", 1), ("width", 8), ("bottleneck", 1), ("group", 1))
    }
    columns = {
        "net": [f"net-{number}" for number in range(nets)],
        "macs": np.exp(random.normal(19, 1, nets)),
        "parameters": np.exp(random.normal(15, 1, nets)),
        **(settings if with_stages else {}),
    }
    return pd.concat(
        [
            pd.DataFrame(columns).assign(
                dataset=f"dataset-{number:02}",
                error=1 / (1 + np.exp(-quality - random.normal(size=nets) / 2)),
            )
            for number in range(datasets)
        ],
        ignore_index=True,
    )


def write(case: str, path: str) -> None:
    """Write the page of a case."""
    import matplotlib

    from lemur_analysis.report.population import write_population

    matplotlib.use("agg")
    nets, datasets, with_stages = CASES[case]
    frame = population(nets, datasets, with_stages=with_stages)
    print(f"{case}: {write_population(frame, Path(path))}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", nargs=2, metavar=("CASE", "FILE"))
    options = parser.parse_args()
    if options.write:
        write(*options.write)
        return
    for case in CASES:
        times, processor = [], []
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            for _ in range(options.rounds):
                before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                command = [sys.executable, __file__, "--write", case, str(page)]
                subprocess.run(command, check=True)
                times.append(time.perf_counter() - started)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                processor.append(
                    after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                )
            size = page.stat().st_size / 1e6
        print(
            f"{case}: {median(times):.1f} s, {median(processor):.1f} s of processor time, "
            f"{size:.1f} MB"
        )


if __name__ == "__main__":
    main()
