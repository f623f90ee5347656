"""The duration of commands, as whole processes.

    python benchmarks/startup.py [--runs 20] [--rival 'COMMAND']

Commands are run in turns, so other load on the machine affects all of them; the first round, which
writes bytecode, is not counted. The rival is any command, for example `python -m` of another
project. Ratios are to its median, or to that of an empty Python process without a rival.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

LEMUR = str(Path(sys.executable).with_name("lemur"))
COMMANDS = {
    "lemur --help": [LEMUR, "--help"],
    "lemur list": [LEMUR, "list"],
    "lemur doctor --no-torch": [LEMUR, "doctor", "--no-torch"],
    "lemur run --dry-run": [LEMUR, "run", "--dry-run"],
    "python -c pass": [sys.executable, "-c", "pass"],
}


def seconds(command: list[str]) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rival")
    options = parser.parse_args()
    commands = dict(COMMANDS)
    if options.rival:
        commands["rival"] = shlex.split(options.rival)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(-1, options.runs):
        for name, command in commands.items():
            duration = seconds(command)
            if run >= 0:
                times[name].append(duration)
    baseline = statistics.median(times["rival" if options.rival else "python -c pass"])
    print(f"{'command':<26}{'median ms':>10}{'fastest':>10}{'slowest':>10}{'ratio':>8}")
    for name, durations in times.items():
        median, low, high = statistics.median(durations), min(durations), max(durations)
        print(
            f"{name:<26}{median * 1e3:10.0f}{low * 1e3:10.0f}{high * 1e3:10.0f}"
            f"{median / baseline:8.2f}"
        )


if __name__ == "__main__":
    main()
