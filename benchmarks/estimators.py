"""How fast fits and decisions are, and what estimators would have saved and kept.

``python benchmarks/estimators.py --published stat.zip`` replays LEMUR's published curves, the half
of them that `consensus` has learned nothing from, and the populations of
``benchmarks/population.py``.
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
ASKED = "consensus,consensus:doubt=0.02,peng4nn,menndl,patience,median,halving,hyperband,wilcoxon"
CHANCE = {"cifar-10": 0.1, "cifar-100": 0.01, "imagenette": 0.1, "mnist": 0.1135, "svhn": 0.1959}
START, BOUNDS = (10, 1.001, 100), ((0.5, 1, 0), (102.5, np.inf, np.inf))


def curves(count: int, points: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    end, gain, time = (rng.uniform(*pair, (count, 1)) for pair in ((5, 95), (1, 60), (1, 20)))
    exact = end - gain * np.exp(-np.arange(points) / time)
    return np.clip(exact + rng.normal(0, 1, (count, points)), 0, 100)


def fits(rounds: int) -> None:
    x = np.arange(1.0, 21)
    ours, theirs = [], []
    for y in curves(rounds, 10):
        began = time.process_time()
        fit(x[:10], y[None])
        ours.append(time.process_time() - began)
        began = time.process_time()
        # That it fails takes its time too.
        with contextlib.suppress(RuntimeError):
            curve_fit(lambda x, a, b, c: a - b ** (c - x), x[:10], y, START, bounds=BOUNDS)
        theirs.append(time.process_time() - began)
    one, other = statistics.mean(ours), statistics.mean(theirs)
    print(f"a fit: {1e3 * one:.2f} ms, SciPy's curve_fit {1e3 * other:.2f} ms, {other / one:.0f}x")


def many(count: int) -> None:
    percents, x = curves(count, 20), np.arange(1.0, 21)
    began = time.process_time()
    for points in range(3, 21):
        fit(x[:points], percents[:, :points])
    print(f"{count} curves x 18 prefixes, peng4nn: {time.process_time() - began:.1f} s")
    highest, prior = np.maximum.accumulate(percents / 100, axis=1), np.log(published())
    began = time.process_time()
    for points in range(1, 21):
        horizon = horizon_of(tuple(x[:points]), 20.0)
        for part in np.array_split(highest[:, :points], -(-count // 250)):
            final = outlook(horizon.posterior(part, prior))
            for share in (0.05, 0.5, 0.95):
                final.quantile(share)
            final.above(0.5)
    print(f"{count} curves x 20 prefixes, consensus: {time.process_time() - began:.1f} s")


def judged(
    what: str, trials: list[RecordedCurves], asked: str, orders: int, *, alone: bool
) -> None:
    measured = {}
    for one in read_selections("estimator", asked):
        make = maker(installed().get("estimator", one.name).load(), one)
        measured[str(one)] = measure(replay(make, trials, orders, alone=alone))
    print(f"\n## {what}, {len(trials)} trials\n\n{tables(measured)}", flush=True)


def taken_in(published: Path) -> list[RecordedCurves]:
    with tempfile.TemporaryDirectory() as folder:
        db = f"{folder}/published.db"
        command = [sys.executable, "-m", "lemur_core", "db", "import", str(published), "--db", db]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found, _ = complete(of_database(db), 20, None)
    return [replace(one, chance=CHANCE.get(one.study.split("_")[1], 0)) for one in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, help="LEMUR's statistics, stat.zip")
    parser.add_argument("--estimators", default=ASKED)
    parser.add_argument("--orders", type=int, default=10)
    parser.add_argument("--curves", type=int, default=10_000)
    args = parser.parse_args()
    warnings.simplefilter("ignore", OptimizeWarning)
    fits(60)
    many(args.curves)
    replays = {}
    if args.published:
        trials = taken_in(args.published)
        replays["LEMUR, each as long as it was"] = trials
        replays["LEMUR, what was not learned from"] = [
            one for one in trials if not learned_from(one)
        ]
        replays["LEMUR, 20 epochs"] = complete(trials, 20, 20)[0]
    for name in ("curves", "curves-300", "curves-600", "curves-900"):
        nets = of_lines(POPULATIONS / f"{name}.jsonl")
        replays[f"population, {name}, 20 epochs"] = complete(nets, 20, None)[0]
    for what, trials in replays.items():
        judged(what, trials, args.estimators, args.orders, alone=False)
        judged(f"{what}, alone", trials, "consensus,peng4nn", 1, alone=True)


if __name__ == "__main__":
    main()
