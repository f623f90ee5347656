"""The cost of a study of a design space, apart from training.

    python benchmarks/space_study.py [--nets 20] [--epochs 10]

`lemur spaces study` trains designs of AnyNetX of 2 to 3 million multiply-adds on digits at 32 px,
one after another on one thread. Training is the time in the trials' records, as in `trials.py`;
the time outside is measured from the start of the first trial to the end of the last one. The time
of the whole command, which also draws the population and times a few nets for its plan, is printed
too, and with it the share of a study of 500 nets.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

STUDY = """
[population]
space = "AnyNetX"
count = {nets}
band = "2e6..3e6"
px = 32
classes = 10
set = {{ stride_1 = 1 }}

[training]
epochs = {epochs}
lr = 0.05
batch = 32
channels_last = true

[[dataset]]
name = "digits"
px = 32
"""
WHOLE = 500


def measure(folder: Path, nets: int, epochs: int) -> tuple[float, float, float]:
    """Return the seconds of the command, of the trials from first to last, and of training."""
    (folder / "study.toml").write_text(STUDY.format(nets=nets, epochs=epochs))
    command = [sys.executable, "-m", "lemur_core", "spaces", "study", "study.toml"]
    began = time.perf_counter()
    subprocess.run([*command, "--threads", "1"], cwd=folder, check=True, capture_output=True)
    command_s = time.perf_counter() - began
    with sqlite3.connect(folder / "lemur.db") as connection:
        [(first, last, count)] = connection.execute(
            "select min(started), max(ended), count(*) from trial"
        )
        [(trained_ns,)] = connection.execute(
            "select sum(duration) from stat where epoch = ?", (epochs,)
        )
    assert count == nets
    elapsed = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return command_s, elapsed.total_seconds(), trained_ns / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command_s, trials_s, training_s = measure(Path(folder), options.nets, options.epochs)
    print(f"{options.nets} nets: {command_s:.1f} s, trials {trials_s:.1f} s")
    print(f"training {training_s:.1f} s, {training_s / options.nets:.1f} s a net")
    print(f"outside training, first to last trial: {1 - training_s / trials_s:.1%}")
    whole_s = command_s + trials_s * (WHOLE / options.nets - 1)
    outside = 1 - training_s * WHOLE / options.nets / whole_s
    print(f"outside training, whole command for {WHOLE} nets: {outside:.1%}, target 3 %")


if __name__ == "__main__":
    main()
