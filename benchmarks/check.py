"""Check nets: a valid one, a thousand invalid ones, and the search for the most similar source.

    python benchmarks/check.py [--rounds 5]

The valid net is small and trained for one epoch on 1,000 digits. "Cold" is the whole command,
"warm" a call in a process that has already checked a net. Half of the invalid nets do not parse,
the others lack a method; each differs from the others. The search finds the nearest of ten thousand
sources.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from lemur_check.check import checker
from lemur_check.check_settings import CheckSettings
from lemur_check.likeness import Likeness, read_likeness, write_sketches
from lemur_check.sketch import WIDTH, Sketch
from lemur_core.code_facts import NamedSource, code_database

SMALL = (Path(__file__).parent / "nets" / "Small.py").read_text()
DIGITS = "digits[samples=1000]"
LEMUR = str(Path(sys.executable).with_name("lemur"))


def variant(number: int) -> str:
    """Return the small net with a different line, so that it was never checked."""
    return f"{SMALL}\n\nNUMBER = {number}\n"


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cold(folder: Path, number: int) -> float:
    file = folder / "cold.py"
    file.write_text(variant(number))
    command = [LEMUR, "check", str(file), "--dataset", DIGITS, "--db", str(folder / "cold.db")]
    return seconds(lambda: subprocess.run(command, check=True, capture_output=True))


def warm(rounds: int, folder: Path) -> list[float]:
    with checker(CheckSettings(dataset=DIGITS), db=folder / "warm.db") as check:
        check(variant(-1))
        return [seconds(lambda number=number: check(variant(number))) for number in range(rounds)]


def invalid(folder: Path) -> float:
    file = folder / "invalid.jsonl"
    cut = SMALL.index("def forward")
    with file.open("w") as lines:
        for number in range(1000):
            code = f"number = {number}\n{SMALL[: cut + 5 if number % 2 else cut]}"
            lines.write(json.dumps({"code": code}) + "\n")
    command = [LEMUR, "check", str(file), "--db", str(folder / "invalid.db"), "--workers", "2"]
    return seconds(lambda: subprocess.run(command, check=False, capture_output=True))


def nearest(rounds: int, folder: Path) -> tuple[list[float], float]:
    """Return the seconds of each search, and those of reading the ten thousand sketches."""
    signatures = np.random.default_rng(0).integers(2**32, size=(10_000, WIDTH), dtype=np.uint32)
    sketches = {
        f"{number:064x}": Sketch(f"{number:064x}", row) for number, row in enumerate(signatures)
    }
    likeness = Likeness()
    for name, sketch in sketches.items():
        likeness.add(NamedSource(name, name), sketch)
    searches = [seconds(lambda: likeness.nearest(Sketch("", signatures[7]))) for _ in range(rounds)]
    with code_database(folder / "near.db", create=True) as database:
        database.run(lambda transaction: write_sketches(transaction, sketches))
        read_s = seconds(
            lambda: database.run(lambda transaction: read_likeness(transaction, Likeness()))
        )
    return searches, read_s


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as name:
        folder = Path(name)
        print(f"cold            {median(cold(folder, n) for n in range(rounds)):8.2f} s   (6)")
        print(f"warm            {median(warm(rounds, folder)):8.2f} s   (3)")
        print(f"1,000 invalid   {invalid(folder):8.1f} s   (60)")
        searches, read = nearest(rounds, folder)
        print(f"nearest of 10,000 {median(searches) * 1e3:6.1f} ms  (50); read in {read:.2f} s")


if __name__ == "__main__":
    main()
