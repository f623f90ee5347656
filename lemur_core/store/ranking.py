"""Rank recorded epochs.

The best epoch is the one with the highest validation score; the test score takes no part in any
choice. Ties are broken in favour of the later epoch, then of the trial that started first. Epochs
without a validation score, as in LEMUR's published results, rank after all epochs with one, by
accuracy. A score that is NaN counts as missing.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import ColumnElement, case

from lemur_core.store import schema

_validation, _accuracy = schema.stat.c.validation, schema.stat.c.accuracy
# PostgreSQL treats NaN as greater than any number.
_MOST = sys.float_info.max

has_validation: ColumnElement[int] = case((_validation <= _MOST, 1), else_=0)
accuracy: ColumnElement[float] = case((_accuracy <= _MOST, _accuracy), else_=-_MOST)
score: ColumnElement[float] = case((_validation <= _MOST, _validation), else_=accuracy)
"""The validation score of an epoch, or its accuracy if it has no validation score."""


def best_first() -> list[ColumnElement[Any]]:
    """Return the ``ORDER BY`` columns that put the best first in `schema.stat` joined to trials."""
    return [has_validation.desc(), score.desc(), schema.stat.c.epoch.desc(), schema.trial.c.id]
