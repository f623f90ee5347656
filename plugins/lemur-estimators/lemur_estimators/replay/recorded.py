"""Learning curves that were recorded: of a database, of CSV files, of lines of JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lemur_core import State
from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import Curve
from lemur_estimators.replay.csv_file import CsvCurve, losses_of, read_csv
from lemur_estimators.replay.unit import Unit, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_OF_TRIAL = [
    "task", "dataset", "metric", "nn", "trial", "state", "epoch", "accuracy", "validation", "loss",
    "within", "prm", "data",
]  # fmt: skip
# How trials stand that were trained to their end, as far as is known.
_WHOLE = (State.FINISHED, State.IMPORTED)


@dataclass(frozen=True)
class RecordedCurves:
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

    def until(self, epochs: float) -> RecordedCurves:
        """Return the trial as if it had been trained for so many epochs."""
        # Epochs rise, so that the first are those that are kept.
        count = sum(epoch <= epochs for epoch in self.curve.epochs)
        return replace(self, curve=self.curve.first(count))


def complete(
    trials: Iterable[RecordedCurves], least: int, epochs: int | None
) -> tuple[list[RecordedCurves], int]:
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


def of_database(db: str | Path, chance: float = 0.0, **filters: Any) -> Iterator[RecordedCurves]:
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
        yield RecordedCurves(study, f"{first['nn']} {trial}", curve, chance)


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
    return Curve(tuple(map(float, epochs)), tuple(map(float, scores)), losses_of(losses))


def of_lines(file: Path) -> Iterator[RecordedCurves]:
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
            if not all(0 <= score <= 1 for score in scores):
                raise ValueError("more right than there are")
            prm = dict(said.get("hyperparameters", {}))
            curve = Curve(epochs, scores, losses_of(told), hyperparameters=prm)
            yield RecordedCurves(said["study"], str(said["net"]), curve, said["chance"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file}: not lines of JSON with learning curves") from error


@dataclass(frozen=True)
class PublishedFiles:
    """The trials of files.

    Attributes:
        trials: In the order of the files, those of a folder by name.
        unit: The unit of the scores in CSV files; None if there are none.
        notes: Lines on what is odd about them.
    """

    trials: list[RecordedCurves]
    unit: Unit | None
    notes: list[str]


def of_files(
    places: Iterable[Path],
    chance: float = 0.0,
    column: str | None = None,
    unit: Unit | None = None,
) -> PublishedFiles:
    """Read the trials of files, and of the files ``*.csv`` and ``*.jsonl`` of folders.

    A CSV file is a trial, called as the file is; its study is called as its folder is. All CSV
    files have one unit, as `lemur_estimators.replay.unit` says; its percent become fractions. A
    file that is named twice is read once.

    Args:
        places: Files and folders.
        chance: Score of guessing in CSV files, 0 to 1.
        column: The name of the scores' column in CSV files; None takes the first of those that are
            usual.
        unit: The unit of the scores in CSV files; None finds it.

    Raises:
        SettingsError: One cannot be read, a folder holds none, or the unit is open.
    """
    files = list({file.resolve(): file for place in places for file in _inside(place)}.values())
    curves = {file: read_csv(file, column) for file in files if not _has_lines(file)}
    found = unit_of(list(curves.values()), unit) if curves else None
    studies = _studies(curves)
    trials = [
        trial
        for file in files
        for trial in (
            [_of_csv(curves[file], found, studies[file], chance)]
            if found and file in curves
            else of_lines(file)
        )
    ]
    return PublishedFiles(trials, found, _notes(list(curves.values())))


def _inside(place: Path) -> Iterator[Path]:
    if place.suffix.lower() == ".json":
        raise SettingsError(
            f"{place}: expected *.csv or *.jsonl; what LEMUR published is replayed from a database "
            "into which lemur db import has taken it"
        )
    if not place.is_dir():
        yield place
        return
    files = sorted(one for one in place.iterdir() if one.suffix.lower() in (".csv", ".jsonl"))
    if not files:
        raise SettingsError(f"{place}: holds no file *.csv or *.jsonl")
    yield from files


def _has_lines(file: Path) -> bool:
    return file.suffix.lower() == ".jsonl"


def _studies(files: Iterable[Path]) -> dict[Path, str]:
    """Return the name of each file's study: its folder's, with the path where names are equal."""
    folders = {file: file.resolve().parent for file in files}
    count = Counter(folder.name for folder in set(folders.values()))
    return {
        file: folder.name if count[folder.name] == 1 else str(folder)
        for file, folder in folders.items()
    }


def _of_csv(read: CsvCurve, unit: Unit, study: str, chance: float) -> RecordedCurves:
    scores = tuple(map(unit.fraction, read.scores))
    return RecordedCurves(study, read.file.stem, Curve(read.epochs, scores, read.losses), chance)


def _notes(curves: Sequence[CsvCurve]) -> list[str]:
    gaps = [(curve.file, curve.skipped) for curve in curves if curve.skipped]
    if not gaps:
        return []
    file, (before, after) = gaps[0]
    others = f", and {len(gaps) - 1} more files skip some" if len(gaps) > 1 else ""
    return [f"{file}: epoch {after:g} follows epoch {before:g}{others}; scores count as they are"]
