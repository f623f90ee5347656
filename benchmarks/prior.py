"""Learn the prior of `consensus` from half of LEMUR's published learning curves.

``lemur db import stat.zip --db published.db``, then ``python benchmarks/prior.py published.db``.
The prior is learned from the pipelines whose names have an even hash; the others are left for
evaluation. The result is ``prior.json`` of lemur-estimators.
"""

from __future__ import annotations

import argparse
import json
from hashlib import sha256
from pathlib import Path

import numpy as np

from lemur_estimators import evidence
from lemur_estimators.prior import horizon_of
from lemur_estimators.replay.recorded import RecordedCurves, complete, of_database

FILE = Path(__file__).parents[1] / "plugins/lemur-estimators/lemur_estimators/prior.json"
ROUNDS = 40
# This many curves are distributed evenly over all models, so that no model is impossible.
SPREAD = 20


def learned_from(trial: RecordedCurves) -> bool:
    """Return whether a trial is in the half used for learning; a pipeline is in it as a whole."""
    pipeline = f"{trial.study}_{trial.name.split()[0]}"
    return int(sha256(pipeline.encode()).hexdigest(), 16) % 2 == 0


def learn(trials: list[RecordedCurves]) -> np.ndarray:
    """Return the probability of each model, by expectation maximisation."""
    count = int(np.prod(evidence.models()))
    weights = np.full(count, 1 / count)
    for _ in range(ROUNDS):
        total = np.full(count, SPREAD / count)
        for trial in trials:
            horizon = horizon_of(trial.curve.epochs, trial.horizon)
            highest = np.maximum.accumulate(trial.curve.scores)[None]
            total += horizon.posterior(highest, np.log(weights)).weights[0]
        weights = total / total.sum()
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("db")
    parser.add_argument("--file", type=Path, default=FILE)
    args = parser.parse_args()
    trials, _ = complete(of_database(args.db), 20, None)
    half = [trial for trial in trials if learned_from(trial)]
    # Models of flat curves have no gain and only differ in noise.
    shapes, gains, noises = evidence.models()
    weights = learn(half).reshape(shapes, gains, noises)
    weights[0, 0] = weights[0].sum(0)
    weights[0, 1:] = 0
    prior = {
        "source": f"{len(half)} of {len(trials)} learning curves, LEMUR, 23 Feb 2025, MIT",
        "weights": [float(f"{weight:.2g}") for weight in weights.ravel()],
    }
    args.file.write_text(json.dumps(prior, separators=(",", ":")) + "\n")
    families: dict[str, float] = {}
    from lemur_estimators.models import shapes as all_shapes

    for shape, weight in zip(all_shapes(), weights.sum((1, 2)), strict=True):
        families[shape.family] = families.get(shape.family, 0) + float(weight)
    print(f"{len(half)} curves of {len(trials)}")
    for family, weight in families.items():
        print(f"{family:12} {weight:.3f}")


if __name__ == "__main__":
    main()
