"""A full report of LEMUR's records: time, memory, sizes, and how soon a browser can use the page.

    python benchmarks/report.py STAT.zip [--db lemur.db] [--rounds 1]

The records are imported once, or read from a database that has them. The report is written by
``lemur report`` in a process of its own: both workbooks and the page with all figures, then the
document. The page is opened by headless Chromium, where it is installed; the milliseconds are
those from the beginning of the navigation until its tables can be used, of the median round.
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
    """Run lemur; return the seconds that it took and those of CPU time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "lemur_core", *map(str, arguments)], check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak_gb() -> float:
    """Return the largest memory that any of the processes had so far, in GB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9


def ready_ms(page: Path, chromium: str) -> int:
    """Return after how many milliseconds the page can be used."""
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        dumped = subprocess.run(
            [*command, f"--user-data-dir={profile}", page.resolve().as_uri()],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found = re.search(r'data-ready="(\d+)"', dumped)
    assert found is not None
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        place, db = Path(folder), options.db
        if db is None:
            db = place / "lemur.db"
            lemur("db", "import", options.archive, "--db", db)
        print(f"{'written':<10}{'seconds':>9}{'CPU s':>8}{'peak GB':>9}")
        for name in ("all", "all.pdf"):
            took = []
            for number in range(options.rounds):
                out = place / f"{number}-{name}"
                took.append(lemur("report", "--db", db, "--out", out))
            wall, cpu = (median(each) for each in zip(*took, strict=True))
            print(f"{name:<10}{wall:>9.1f}{cpu:>8.1f}{peak_gb():>9.2f}", flush=True)
        for file in sorted([*place.glob("0-all/*"), place / "0-all.pdf"]):
            print(f"{file.name:<16}{file.stat().st_size / 1e6:>6.1f} MB")
        if chromium is None:
            print("chromium is not installed: the page was not opened")
            return
        page = place / "0-all" / "report.html"
        print(f"usable after {median(ready_ms(page, chromium) for _ in range(5)):.0f} ms")


if __name__ == "__main__":
    main()
