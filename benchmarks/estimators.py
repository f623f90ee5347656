"""The speed of fits and decisions, and what estimators would have saved and lost.

``python benchmarks/estimators.py --published stat.zip`` replays LEMUR's published curves, the half
of them from which `consensus` was not learned, and the populations of ``benchmarks/population.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from prior import learned_from
from scipy.optimize import OptimizeWarning, curve_fit

from lemur_core.kinds.estimator import maker
from lemur_core.options import read_selections
from lemur_core.registry import installed
from lemur_estimators.evidence import outlook
from lemur_estimators.fit import fit
from lemur_estimators.prior import horizon_of, published
from lemur_estimators.replay.judge import replay
from lemur_estimators.replay.measures import measure
from lemur_estimators.replay.recorded import RecordedCurves, complete, of_database, of_lines
from lemur_estimators.replay.tables import tables

POPULATIONS = Path(__file__).parent / "population"
ESTIMATORS = (
    "consensus,consensus:doubt=0.02,peng4nn,menndl,patience,median,halving,hyperband,wilcoxon"
)
CHANCE = {"cifar-10": 0.1, "cifar-100": 0.01, "imagenette": 0.1, "mnist": 0.1135, "svhn": 0.1959}
START, BOUNDS = (10, 1.001, 100), ((0.5, 1, 0), (102.5, np.inf, np.inf))


def curves(count: int, points: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    end, gain, time = (rng.uniform(*pair, (count, 1)) for pair in ((5, 95), (1, 60), (1, 20)))
    exact = end - gain * np.exp(-np.arange(points) / time)
    return np.clip(exact + rng.normal(0, 1, (count, points)), 0, 100)


def time_fits(rounds: int) -> None:
    x = np.arange(1.0, 21)
    ours, theirs = [], []
    for y in curves(rounds, 10):
        started = time.process_time()
        fit(x[:10], y[None])
        ours.append(time.process_time() - started)
        started = time.process_time()
        # Failing takes time, too.
        with contextlib.suppress(RuntimeError):
            curve_fit(lambda x, a, b, c: a - b ** (c - x), x[:10], y, START, bounds=BOUNDS)
        theirs.append(time.process_time() - started)
    our_mean, their_mean = statistics.mean(ours), statistics.mean(theirs)
    print(
        f"a fit: {1e3 * our_mean:.2f} ms, SciPy's curve_fit {1e3 * their_mean:.2f} ms, "
        f"{their_mean / our_mean:.0f}x"
    )


def time_curves(count: int) -> None:
    percents, x = curves(count, 20), np.arange(1.0, 21)
    started = time.process_time()
    for points in range(3, 21):
        fit(x[:points], percents[:, :points])
    print(f"{count} curves x 18 prefixes, peng4nn: {time.process_time() - started:.1f} s")
    highest, prior = np.maximum.accumulate(percents / 100, axis=1), np.log(published())
    started = time.process_time()
    for points in range(1, 21):
        horizon = horizon_of(tuple(x[:points]), 20.0)
        for part in np.array_split(highest[:, :points], -(-count // 250)):
            final = outlook(horizon.posterior(part, prior))
            for share in (0.05, 0.5, 0.95):
                final.quantile(share)
            final.above(0.5)
    print(f"{count} curves x 20 prefixes, consensus: {time.process_time() - started:.1f} s")


def print_replay(
    title: str, trials: list[RecordedCurves], estimators: str, orders: int, *, alone: bool
) -> None:
    measured = {}
    for selection in read_selections("estimator", estimators):
        make = maker(installed().get("estimator", selection.name).load(), selection)
        measured[str(selection)] = measure(replay(make, trials, orders, alone=alone))
    print(f"\n## {title}, {len(trials)} trials\n\n{tables(measured)}", flush=True)


def import_published(published: Path) -> list[RecordedCurves]:
    with tempfile.TemporaryDirectory() as folder:
        db = f"{folder}/published.db"
        command = [sys.executable, "-m", "lemur_core", "db", "import", str(published), "--db", db]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        trials, _ = complete(of_database(db), 20, None)
    return [replace(trial, chance=CHANCE.get(trial.study.split("_")[1], 0)) for trial in trials]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, help="LEMUR's statistics, stat.zip")
    parser.add_argument("--estimators", default=ESTIMATORS)
    parser.add_argument("--orders", type=int, default=10)
    parser.add_argument("--curves", type=int, default=10_000)
    args = parser.parse_args()
    warnings.simplefilter("ignore", OptimizeWarning)
    time_fits(60)
    time_curves(args.curves)
    replays = {}
    if args.published:
        trials = import_published(args.published)
        replays["LEMUR, full length"] = trials
        replays["LEMUR, not used for learning"] = [
            trial for trial in trials if not learned_from(trial)
        ]
        replays["LEMUR, 20 epochs"] = complete(trials, 20, 20)[0]
    for name in ("curves", "curves-300", "curves-600", "curves-900"):
        nets = of_lines(POPULATIONS / f"{name}.jsonl")
        replays[f"population, {name}, 20 epochs"] = complete(nets, 20, None)[0]
    for title, trials in replays.items():
        print_replay(title, trials, args.estimators, args.orders, alone=False)
        print_replay(f"{title}, alone", trials, "consensus,peng4nn", 1, alone=True)


if __name__ == "__main__":
    main()
