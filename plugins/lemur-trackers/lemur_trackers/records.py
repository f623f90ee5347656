"""What is written about trials, by name; the same for all trackers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core import Epoch, Outcome, Trial

VALIDATION = "validation"
"""The validation score, which every epoch has."""


def epoch_metrics(epoch: Epoch) -> dict[str, float]:
    """Return the numbers of an epoch.

    They are ``validation`` and ``test``, scores of 0 to 1; ``loss`` and ``validation_loss``,
    the mean losses on the training and the validation split, if the net reports them; ``seconds``
    since training started; ``validation/NAME`` and ``test/NAME``, the scores by other metrics; and
    ``facts/NAME``, the finite numbers among the facts.
    """
    metrics = {VALIDATION: epoch.validation, "test": epoch.accuracy}
    if epoch.loss is not None:
        metrics["loss"] = epoch.loss
    if epoch.validation_loss is not None:
        metrics["validation_loss"] = epoch.validation_loss
    metrics["seconds"] = epoch.duration_ns / 1e9
    for name, (validation, test) in epoch.scores.items():
        metrics |= {f"validation/{name}": validation, f"test/{name}": test}
    return metrics | {f"facts/{name}": value for name, value in _numbers(epoch.facts)}


def outcome_metrics(outcome: Outcome) -> dict[str, float]:
    """Return the scores of the best epoch by validation, its number, and the predicted score."""
    metrics: dict[str, float] = {}
    if (best := outcome.best) is not None:
        metrics |= {"best/validation": best.validation, "best/test": best.accuracy}
        metrics["best/epoch"] = best.number
    if outcome.prediction is not None:
        metrics["predicted"] = outcome.prediction.score
    return metrics


def trial_facts(trial: Trial, db: str) -> dict[str, str]:
    """Return what identifies a trial: its id, number, pipeline with its parts, and database."""
    pipeline = trial.pipeline
    facts = {
        "trial": trial.uid,
        "number": str(trial.number),
        "pipeline": pipeline.name,
        "task": pipeline.task,
        "dataset": pipeline.dataset,
        "metric": pipeline.metric,
        "net": pipeline.net,
        "seed": str(trial.seed),
        "epochs": str(trial.epochs),
        "db": db,
    }
    return facts | ({"user": trial.user} if trial.user else {})


def outcome_facts(outcome: Outcome) -> dict[str, str]:
    """Return how a trial ended: its state, and the reason if it failed or was interrupted."""
    facts = {"state": outcome.state.value}
    return facts | ({"reason": outcome.reason} if outcome.reason else {})


def run_name(trial: Trial) -> str:
    """Return a trial's name for people, for example ``ResNet 3``."""
    return f"{trial.pipeline.net} {trial.number}"


def _numbers(facts: Any) -> Iterator[tuple[str, float]]:
    for name, value in facts.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value):
            yield name, float(value)
