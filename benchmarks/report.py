"""Write a full report of LEMUR's records, and measure time, memory, sizes and the page's load time.

    python benchmarks/report.py STAT.zip [--db lemur.db] [--rounds 1]

The records are imported once, or read from an existing database. ``lemur report`` writes the report
in a separate process: both workbooks and the page with all figures, then the document. If headless
Chromium is installed, it opens the page; the median of the milliseconds from the start of the
navigation until the tables can be used is printed.
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median


def lemur(*arguments: object) -> tuple[float, float]:
    """Run lemur, and return its wall-clock and CPU time in seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "lemur_core", *map(str, arguments)], check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_gb() -> float:
    """Return the peak memory of any of the processes so far, in GB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9


def ready_ms(page: Path, chromium: str) -> int:
    """Return the milliseconds until the page can be used."""
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        html = subprocess.run(
            [*command, f"--user-data-dir={profile}", page.resolve().as_uri()],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    match = re.search(r'data-ready="(\d+)"', html)
    assert match is not None
    return int(match[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        output, db = Path(folder), options.db
        if db is None:
            db = output / "lemur.db"
            lemur("db", "import", options.archive, "--db", db)
        print(f"{'written':<10}{'seconds':>9}{'CPU s':>8}{'peak GB':>9}")
        for name in ("all", "all.pdf"):
            times = []
            for number in range(options.rounds):
                out = output / f"{number}-{name}"
                times.append(lemur("report", "--db", db, "--out", out))
            wall, cpu = (median(seconds) for seconds in zip(*times, strict=True))
            print(f"{name:<10}{wall:>9.1f}{cpu:>8.1f}{peak_gb():>9.2f}", flush=True)
        for file in sorted([*output.glob("0-all/*"), output / "0-all.pdf"]):
            print(f"{file.name:<16}{file.stat().st_size / 1e6:>6.1f} MB")
        if chromium is None:
            print("Chromium is not installed: the page was not opened")
            return
        page = output / "0-all" / "report.html"
        print(f"usable after {median(ready_ms(page, chromium) for _ in range(5)):.0f} ms")


if __name__ == "__main__":
    main()
