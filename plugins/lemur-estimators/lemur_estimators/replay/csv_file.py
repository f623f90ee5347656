"""Read the learning curve of a CSV file, whatever the unit of its scores."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError, hint

if TYPE_CHECKING:
    from pathlib import Path

# The names of columns of scores and losses, in order of preference.
_SCORES = ("score", "validation", "val_accuracy", "val_acc", "accuracy", "acc")
_LOSSES = ("loss", "train_loss", "val_loss")
# A column whose name contains one of these words falls as nets get better.
_FALL = ("loss", "error", "perplexity")


@dataclass(frozen=True)
class CsvCurve:
    """The learning curve of a CSV file.

    Attributes:
        file: The file.
        column: The name of the column of its scores.
        epochs: The number of epochs trained at each score, above 0 and increasing.
        scores: The scores as in the file, as fractions or in percent; NaN if missing.
        losses: The loss at each score, None if missing; empty if the file has no losses.
    """

    file: Path
    column: str
    epochs: tuple[float, ...]
    scores: tuple[float, ...]
    losses: tuple[float | None, ...]

    @property
    def known(self) -> list[float]:
        """The scores that are not missing."""
        return [score for score in self.scores if math.isfinite(score)]

    @property
    def skipped(self) -> tuple[float, float] | None:
        """The first two neighbouring epochs between which whole epochs are missing, if any."""
        steps = [later - epoch for epoch, later in pairwise(self.epochs)]
        if min(steps, default=0) > 1:
            return None
        return next((pair for pair in pairwise(self.epochs) if pair[1] - pair[0] > 1), None)


def read_csv(file: Path, column: str | None = None) -> CsvCurve:
    """Read a CSV file with a column ``epoch`` and one line for each score.

    An epoch is the number of epochs trained so far: 0.5, 1, 1.5. If all epochs are integers and the
    first is 0, as Keras writes them, 1 is added to each.

    Args:
        file: The file.
        column: The name of the column of scores; None uses the first of the usual names.

    Raises:
        SettingsError: There is no such file or column, a value is not a number, epochs do not
            increase, or the scores fall as nets get better.
    """
    frame = _frame(file)
    if "epoch" not in frame:
        raise SettingsError(f"{file}: no column 'epoch'{hint('epoch', list(frame))}")
    name = column or next((name for name in _SCORES if name in frame), "score")
    if name not in frame:
        raise SettingsError(f"{file}: no column {name!r}{hint(name, list(frame))}")
    if any(word in name.lower() for word in _FALL):
        raise SettingsError(
            f"{file}: {name} falls as nets get better; estimators need a score that rises"
        )
    epochs = _epochs(_numbers(frame["epoch"], file), file)
    scores = _numbers(frame[name], file)
    loss_columns = (frame[name] for name in _LOSSES if name in frame)
    losses = next((losses_of(_numbers(values, file)) for values in loss_columns), ())
    return CsvCurve(file, name, epochs, scores, losses)


def losses_of(column: Any) -> tuple[float | None, ...]:
    """Return the losses of a column, with None for each NaN; empty if all are NaN."""
    losses = tuple(None if math.isnan(loss) else loss for loss in map(float, column))
    return losses if any(loss is not None for loss in losses) else ()


def _frame(file: Path) -> Any:
    import pandas as pd
    from pandas.errors import ParserWarning

    try:
        with warnings.catch_warnings():
            # pandas warns of lines that are longer than the header, and ignores the excess.
            warnings.simplefilter("error", ParserWarning)
            return pd.read_csv(file, index_col=False).rename(columns=str.strip)
    except ParserWarning as error:
        raise SettingsError(f"{file}: has lines with more values than columns") from error
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SettingsError(f"{file}: not a CSV file with a column 'epoch'") from error


def _epochs(epochs: tuple[float, ...], file: Path) -> tuple[float, ...]:
    expected = "expected epochs that increase from line to line"
    for line, epoch in enumerate(epochs, 2):
        if not math.isfinite(epoch):
            raise SettingsError(f"{file}: line {line} has no epoch; {expected}")
        if epoch < 0:
            raise SettingsError(f"{file}: epoch {epoch:g} in line {line}; expected 0 or more")
    for line, (before, epoch) in enumerate(pairwise(epochs), 3):
        if epoch <= before:
            raise SettingsError(
                f"{file}: epoch {epoch:g} follows epoch {before:g} in line {line}; {expected}, and "
                "one trial per file"
            )
    if not epochs or epochs[0] > 0:
        return epochs
    if any(epoch != int(epoch) for epoch in epochs):
        raise SettingsError(
            f"{file}: its epochs begin at 0 and are not all integers; expected numbers of trained "
            "epochs, above 0 (0.5, 1, 1.5), or integers from 0, as Keras writes them"
        )
    return tuple(epoch + 1 for epoch in epochs)


def _numbers(column: Any, file: Path) -> tuple[float, ...]:
    numbers = []
    for line, value in enumerate(column, 2):
        try:
            numbers.append(float(value))
        except (ValueError, TypeError):
            raise SettingsError(
                f"{file}: {column.name} is {str(value)!r} in line {line}; expected a number"
            ) from None
    return tuple(numbers)
