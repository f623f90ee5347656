"""Learning curves that were recorded: of a database, of CSV files, of lines of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from lemur_core.errors import SettingsError, hint
from lemur_core.kinds.estimator import Curve
from lemur_core.trial import State

# What columns of scores and losses are called, in the order in which they are looked for.
_SCORES = ("score", "validation", "val_accuracy", "val_acc", "accuracy", "acc")
_LOSSES = ("loss", "train_loss", "val_loss")
_FALL = ("loss", "error", "perplexity")
_OF_TRIAL = [
    "task", "dataset", "metric", "nn", "trial", "state", "epoch", "accuracy", "validation", "loss",
    "within", "prm", "data",
]  # fmt: skip
# How trials stand that were trained to their end, as far as is known.
_WHOLE = (State.FINISHED, State.IMPORTED)


@dataclass(frozen=True)
class Recorded:
    """A trial that was trained to its end.

    Attributes:
        study: Trials of the same are compared with each other.
        name: Of the trial.
        curve: What was measured.
        chance: Score of guessing, 0 to 1.
    """

    study: str
    name: str
    curve: Curve
    chance: float = 0.0

    @property
    def horizon(self) -> float:
        """How long it was trained, in epochs."""
        return self.curve.epochs[-1]

    def until(self, epochs: float) -> Recorded:
        """Return the trial as if it had been trained for so many epochs."""
        # Epochs rise, so that the first are those that are kept.
        count = sum(epoch <= epochs for epoch in self.curve.epochs)
        return replace(self, curve=self.curve.first(count))


def complete(
    trials: Iterable[Recorded], least: int, epochs: int | None
) -> tuple[list[Recorded], int]:
    """Return the trials that can be judged by, and how many cannot.

    Args:
        trials: Those that were recorded.
        least: The shortest training that tells what a trial came to, in epochs.
        epochs: How long all are taken to have been trained; None takes each as it is.

    Returns:
        Those that were trained for long enough, with scores from 0 to 1; of the rest the number.
    """
    kept, left = [], 0
    for trial in trials:
        enough = trial.curve.epochs and trial.horizon >= max(least, epochs or 0)
        if enough and all(0 <= score <= 1 for score in trial.curve.scores):
            kept.append(trial if epochs is None else trial.until(epochs))
        else:
            left += 1
    return kept, left


def of_database(db: str | Path, chance: float = 0.0, **filters: Any) -> Iterator[Recorded]:
    """Give a database's trials that were trained to their end; filters are `lemur_core.data`'s.

    The score is that on the validation split, within epochs too, or on the test split where only
    that is known, as in what LEMUR published.
    """
    from lemur_core import data

    frame = data(columns=_OF_TRIAL, with_stats=True, db=db, **filters)
    frame = frame[frame["state"].isin(_WHOLE)]
    for trial, rows in frame.groupby("trial", sort=False):
        rows = rows.sort_values("epoch")
        first = rows.iloc[0]
        # Scores are only comparable on the same content of a data set.
        study = f"{first['task']}_{first['dataset']}_{first['metric']}"
        study += f" on {first['data']}" if isinstance(first["data"], str) else ""
        curve = replace(_curve(rows), hyperparameters=first["prm"], net=first["nn"])
        yield Recorded(study, f"{first['nn']} {trial}", curve, chance)


def _curve(rows: Any) -> Curve:
    if rows["validation"].isna().any():
        return _of_points(zip(rows["epoch"], rows["accuracy"], rows["loss"], strict=True))
    columns = zip(rows["epoch"], rows["validation"], rows["loss"], rows["within"], strict=True)
    return _of_points(
        point
        for epoch, score, loss, within in columns
        for point in (*((at, told, math.nan) for at, told in within.items()), (epoch, score, loss))
    )


def _of_points(points: Iterable[tuple[float, float, float]]) -> Curve:
    """Return the curve of some epochs, scores, and losses, which are NaN where there are none."""
    epochs, scores, losses = zip(*points, strict=True)
    return Curve(tuple(map(float, epochs)), tuple(map(float, scores)), _losses(losses))


def of_csv(file: Path, chance: float = 0.0, column: str | None = None) -> Recorded:
    """Return the trial of a CSV file with a column ``epoch``; percent become fractions.

    Args:
        file: The study's name is that of its folder.
        chance: Score of guessing, 0 to 1.
        column: The name of the scores'; None takes the first of those that are usual.

    Raises:
        SettingsError: There is no such file or column, a value is no number, epochs do not rise, or
            the scores fall as nets get better.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(file).rename(columns=str.strip)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: no CSV file with a column 'epoch'") from error
    if "epoch" not in frame:
        raise SettingsError(f"{file}: no CSV file with a column 'epoch'")
    epochs = _numbers(frame["epoch"], file)
    if not all(before < epoch for before, epoch in pairwise((0.0, *epochs))):
        raise SettingsError(f"{file}: its epochs do not rise from line to line, from above 0")
    name = column or next((one for one in _SCORES if one in frame), "score")
    if name not in frame:
        raise SettingsError(f"{file}: no column {name!r}{hint(name, list(frame))}")
    if any(word in name.lower() for word in _FALL):
        raise SettingsError(
            f"{file}: {name} falls as nets get better; estimators need a score that rises"
        )
    scores = _fractions(_numbers(frame[name], file), file, name)
    losses = next((_losses(_numbers(frame[one], file)) for one in _LOSSES if one in frame), ())
    return Recorded(file.resolve().parent.name, file.stem, Curve(epochs, scores, losses), chance)


def of_lines(file: Path) -> Iterator[Recorded]:
    """Give the trials of a file of JSON lines, as ``benchmarks/population.py`` writes it.

    Raises:
        SettingsError: It cannot be read.
    """
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            epochs = tuple((i + 1) * said["every"] for i in range(len(said["right"])))
            scores = tuple(right / said["of"] for right in said["right"])
            told = [math.nan if loss is None else loss for loss in said["train_loss"]]
            if len(told) != len(scores):
                raise ValueError("a loss for each score")
            prm = dict(said.get("hyperparameters", {}))
            curve = Curve(epochs, scores, _losses(told), hyperparameters=prm)
            yield Recorded(said["study"], str(said["net"]), curve, said["chance"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file}: not lines of JSON with learning curves") from error


def of_files(
    files: Iterable[Path], chance: float = 0.0, column: str | None = None
) -> Iterator[Recorded]:
    """Give the trials of files, and of the files ``*.csv`` and ``*.jsonl`` of folders."""
    for place in files:
        inside = sorted([*place.glob("*.csv"), *place.glob("*.jsonl")])
        for file in inside if place.is_dir() else [place]:
            if file.suffix == ".jsonl":
                yield from of_lines(file)
            else:
                yield of_csv(file, chance, column)


def _numbers(column: Any, file: Path) -> tuple[float, ...]:
    try:
        return tuple(map(float, column))
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{file}: column {column.name!r} holds what is no number") from error


def _losses(column: Any) -> tuple[float | None, ...]:
    losses = tuple(None if math.isnan(one) else one for one in map(float, column))
    return losses if any(one is not None for one in losses) else ()


def _fractions(scores: tuple[float, ...], file: Path, name: str) -> tuple[float, ...]:
    most = max((one for one in scores if math.isfinite(one)), default=0)
    if most > 100 or any(one < 0 for one in scores):
        raise SettingsError(f"{file}: {name} is from {min(scores):g} to {most:g}; expected percent")
    return tuple(one / 100 for one in scores) if most > 1 else scores
