"""Read recorded learning curves from a database, CSV files and files of JSON lines."""

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
# The states of trials that were trained to their end, as far as is known.
_WHOLE = (State.FINISHED, State.IMPORTED)


@dataclass(frozen=True)
class RecordedCurves:
    """The learning curve of a trial that was trained to its end.

    Attributes:
        study: The study; trials of the same study are compared with each other.
        name: The name of the trial.
        curve: The curve.
        chance: The score of guessing, 0 to 1.
    """

    study: str
    name: str
    curve: Curve
    chance: float = 0.0

    @property
    def horizon(self) -> float:
        """The number of epochs that the trial was trained for."""
        return self.curve.epochs[-1]

    def until(self, epochs: float) -> RecordedCurves:
        """Return the trial as if it had been trained for this number of epochs."""
        # Epochs increase, so the first measurements are those to keep.
        count = sum(epoch <= epochs for epoch in self.curve.epochs)
        return replace(self, curve=self.curve.first(count))


def complete(
    trials: Iterable[RecordedCurves], least: int, epochs: int | None
) -> tuple[list[RecordedCurves], int]:
    """Return the trials that can be replayed, and the number of those that cannot.

    Args:
        trials: The recorded trials.
        least: The smallest number of epochs of a trial that can be replayed.
        epochs: The number of epochs after which all trials are cut; None uses whole trials.

    Returns:
        The trials that were trained long enough and have scores from 0 to 1, and the number of the
        others.
    """
    accepted, rejected = [], 0
    for trial in trials:
        enough = trial.curve.epochs and trial.horizon >= max(least, epochs or 0)
        cut = trial if epochs is None else trial.until(epochs)
        # A trial may have been recorded from a later epoch on.
        enough = enough and cut.curve.epochs and not _continues(trial.curve)
        if enough and all(0 <= score <= 1 for score in trial.curve.scores):
            accepted.append(cut)
        else:
            rejected += 1
    return accepted, rejected


def _continues(curve: Curve) -> bool:
    """Return whether a curve is only the rest of that of a trial that was trained longer."""
    return curve.epochs[0] > 1 and isinstance(curve.hyperparameters.get("continues"), str)


def of_database(db: str | Path, chance: float = 0.0, **filters: Any) -> Iterator[RecordedCurves]:
    """Yield the trials of a database that were trained to their end.

    The scores are those on the validation split, including scores within epochs, or those on the
    test split if only these are known, as in LEMUR's published results.

    Args:
        db: The path or URL of the database.
        chance: The score of guessing, 0 to 1.
        filters: Filters of `lemur_core.data`.
    """
    from lemur_core import data

    frame = data(columns=_OF_TRIAL, with_stats=True, db=db, **filters)
    frame = frame[frame["state"].isin(_WHOLE)]
    for trial, rows in frame.groupby("trial", sort=False):
        rows = rows.sort_values("epoch")
        first = rows.iloc[0]
        # Scores are only comparable on the same content of a dataset.
        study = f"{first['task']}_{first['dataset']}_{first['metric']}"
        study += f" on {first['data']}" if isinstance(first["data"], str) else ""
        curve = replace(_curve(rows), hyperparameters=first["prm"], net=first["nn"])
        yield RecordedCurves(study, f"{first['nn']} {trial}", curve, chance)


def _curve(rows: Any) -> Curve:
    if rows["validation"].isna().any():
        return _curve_of(zip(rows["epoch"], rows["accuracy"], rows["loss"], strict=True))
    columns = zip(rows["epoch"], rows["validation"], rows["loss"], rows["within"], strict=True)
    return _curve_of(
        point
        for epoch, score, loss, within in columns
        for point in (
            *((part, part_score, math.nan) for part, part_score in within.items()),
            (epoch, score, loss),
        )
    )


def _curve_of(points: Iterable[tuple[float, float, float]]) -> Curve:
    """Return the curve with these epochs, scores and losses; a loss is NaN if it is unknown."""
    epochs, scores, losses = zip(*points, strict=True)
    return Curve(tuple(map(float, epochs)), tuple(map(float, scores)), losses_of(losses))


def of_lines(file: Path) -> Iterator[RecordedCurves]:
    """Yield the trials of a file of JSON lines, in the format of ``benchmarks/population.py``.

    Raises:
        SettingsError: The file cannot be read.
    """
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            epochs = tuple((i + 1) * record["every"] for i in range(len(record["right"])))
            scores = tuple(right / record["of"] for right in record["right"])
            losses = [math.nan if loss is None else loss for loss in record["train_loss"]]
            if len(losses) != len(scores):
                raise ValueError("expected a loss for each score")
            if not all(0 <= score <= 1 for score in scores):
                raise ValueError("expected scores from 0 to 1")
            prm = dict(record.get("hyperparameters", {}))
            curve = Curve(epochs, scores, losses_of(losses), hyperparameters=prm)
            yield RecordedCurves(record["study"], str(record["net"]), curve, record["chance"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{file}: not lines of JSON with learning curves") from error


@dataclass(frozen=True)
class FileTrials:
    """The trials of files.

    Attributes:
        trials: The trials, in the order of the files; files of a folder are ordered by name.
        unit: The unit of scores in CSV files; None if there are no CSV files.
        notes: Warnings about the files, each a line.
    """

    trials: list[RecordedCurves]
    unit: Unit | None
    notes: list[str]


def of_files(
    places: Iterable[Path],
    chance: float = 0.0,
    column: str | None = None,
    unit: Unit | None = None,
) -> FileTrials:
    """Read the trials of files, and of the files ``*.csv`` and ``*.jsonl`` in folders.

    A CSV file is a trial with the name of the file, in a study with the name of the folder. All CSV
    files have the same unit, as `lemur_estimators.replay.unit` explains; percentages are converted
    to fractions. A file that is given twice is read once.

    Args:
        places: Files and folders.
        chance: The score of guessing in CSV files, 0 to 1.
        column: The name of the column of scores in CSV files; None uses the first of the usual
            names.
        unit: The unit of scores in CSV files; None infers it.

    Raises:
        SettingsError: A file cannot be read, a folder contains no such file, or the unit is
            ambiguous.
    """
    files = list({file.resolve(): file for place in places for file in _inside(place)}.values())
    curves = {file: read_csv(file, column) for file in files if not _has_lines(file)}
    csv_unit = unit_of(list(curves.values()), unit) if curves else None
    studies = _studies(curves)
    trials = [
        trial
        for file in files
        for trial in (
            [_of_csv(curves[file], csv_unit, studies[file], chance)]
            if csv_unit and file in curves
            else of_lines(file)
        )
    ]
    return FileTrials(trials, csv_unit, _notes(list(curves.values())))


def _inside(place: Path) -> Iterator[Path]:
    if place.suffix.lower() == ".json":
        raise SettingsError(
            f"{place}: expected *.csv or *.jsonl; to replay LEMUR's published results, import them "
            "into a database with lemur db import"
        )
    if not place.is_dir():
        yield place
        return
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in (".csv", ".jsonl"))
    if not files:
        raise SettingsError(f"{place}: contains no file *.csv or *.jsonl")
    yield from files


def _has_lines(file: Path) -> bool:
    return file.suffix.lower() == ".jsonl"


def _studies(files: Iterable[Path]) -> dict[Path, str]:
    """Return the study of each file: the name of its folder, or the path if names collide."""
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
    others = f", and epochs are missing in {len(gaps) - 1} more files" if len(gaps) > 1 else ""
    return [f"{file}: epoch {after:g} follows epoch {before:g}{others}; gaps are not filled"]
