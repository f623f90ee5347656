"""Decide whether the scores of all files of a replay are percentages or fractions.

The unit cannot be inferred from each file alone: the constant 1.0 % of a net that never learned
would be taken for a perfect score.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lemur_estimators.replay.csv_file import CsvCurve

# If no score of a study is above 1 and a curve rises by at least this much, the scores are
# fractions and the net has learned. In percent, this rise would be less than random fluctuation.
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
        """The name of several scores in this unit."""
        return "percent" if self is Unit.PERCENT else "fractions"


def unit_of(curves: Sequence[CsvCurve], asked: Unit | None = None) -> Unit:
    """Return the unit of the scores of all these curves.

    Scores are percentages if any score is above 1. They are fractions if no score is above 1 and a
    curve rises by 0.2 or more. The unit of one study, which is the files of a folder, applies to
    all.

    Args:
        curves: The curves of all files that are replayed together.
        asked: The unit that the user gave; None infers it.

    Raises:
        SettingsError: A score is below 0 or above the highest score of the unit; or the unit is
            ambiguous, because some studies seem to contain percentages and others fractions, or
            none suggests a unit.
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
            "replay them separately, or give the unit of all: --unit percent or --unit fraction"
        )
    if above:
        return Unit.PERCENT
    if risen or not any(curve.known for curve in curves):
        return Unit.FRACTION
    highest = max(curves, key=lambda curve: max(curve.known, default=0))
    raise SettingsError(
        f"{_range(highest)} and no curve rises by {_LEARNED:g}: percent or fractions? "
        "Use --unit percent or --unit fraction"
    )


def _folder(curve: CsvCurve) -> Path:
    return curve.file.resolve().parent


def _rise(curve: CsvCurve) -> float:
    return max(curve.known, default=0) - min(curve.known, default=0)


def _range(curve: CsvCurve) -> str:
    return f"{curve.file}: {curve.column} is from {min(curve.known):g} to {max(curve.known):g}"
