"""Settle once for all files of a replay whether their scores are percent or fractions.

Read one by one, a curve of a net that never learned, 1.0 percent from first to last among curves
that reach 60, would be a perfect one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lemur_estimators.replay.csv_file import CsvCurve

# No score of a study is above 1, and the curve that rises most rises by this much: that is a net
# that learned, in fractions. In percent it would be 0.2 points, less than what chance makes of it.
_LEARNED = 0.2
# A mean of float32 may exceed 1 by this much.
_ROUNDING = 1e-6


class Unit(StrEnum):
    """The unit of scores in files."""

    PERCENT = "percent"
    FRACTION = "fraction"

    @property
    def whole(self) -> float:
        """The highest score."""
        return 100.0 if self is Unit.PERCENT else 1.0

    def fraction(self, score: float) -> float:
        """Return a score in this unit as a fraction; one above 1 by rounding is 1."""
        fraction = score / self.whole
        return 1.0 if 1 < fraction <= 1 + _ROUNDING else fraction

    @property
    def plural(self) -> str:
        """What several scores are called."""
        return "percent" if self is Unit.PERCENT else "fractions"


def unit_of(curves: Sequence[CsvCurve], asked: Unit | None = None) -> Unit:
    """Return the unit of the scores of all these curves.

    Scores are percent if one is above 1, and fractions if none is and a curve rises by 0.2 or more.
    What is found of one study, the files of a folder, holds for all.

    Args:
        curves: Those of all files that are replayed together.
        asked: The unit, if the user says it.

    Raises:
        SettingsError: Scores are below 0 or above what the unit has; or the unit is open: of some
            study it looks like percent and of another like fractions, or like neither of any.
    """
    unit = asked or _find_unit(curves)
    for curve in curves:
        least, most = min(curve.known, default=0), max(curve.known, default=0)
        if least < 0 or unit.fraction(most) > 1:
            raise SettingsError(
                f"{curve.file}: {curve.column} is from {least:g} to {most:g}; expected "
                f"{unit.plural} from 0 to {unit.whole:g}"
            )
    return unit


def _find_unit(curves: Sequence[CsvCurve]) -> Unit:
    above = [curve for curve in curves if max(curve.known, default=0) > 1 + _ROUNDING]
    studies = {_folder(curve) for curve in above}
    below = [curve for curve in curves if _folder(curve) not in studies]
    risen = [curve for curve in below if _rise(curve) >= _LEARNED]
    if above and risen:
        raise SettingsError(
            f"{_range(above[0])}, as if in percent, {_range(risen[0])}, as if in fractions; "
            "replay them apart, or say what all are: --unit percent or --unit fraction"
        )
    if above:
        return Unit.PERCENT
    if risen or not any(curve.known for curve in curves):
        return Unit.FRACTION
    highest = max(curves, key=lambda curve: max(curve.known, default=0))
    raise SettingsError(
        f"{_range(highest)} and no curve rises by {_LEARNED:g}: percent or fractions? "
        "Say --unit percent or --unit fraction"
    )


def _folder(curve: CsvCurve) -> Path:
    return curve.file.resolve().parent


def _rise(curve: CsvCurve) -> float:
    return max(curve.known, default=0) - min(curve.known, default=0)


def _range(curve: CsvCurve) -> str:
    return f"{curve.file}: {curve.column} is from {min(curve.known):g} to {max(curve.known):g}"
