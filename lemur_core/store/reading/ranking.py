"""Which of several recorded epochs is the best.

The one with the highest validation score: the test score takes no part in any choice. Of equals it
is the one that trained longest, and of these the one whose trial began first. Epochs without a
validation score, as in LEMUR's published results, come after all that have one, the highest
accuracy first. A score that is NaN counts as none.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import ColumnElement, case

from lemur_core.store import schema

_validation, _accuracy = schema.stat.c.validation, schema.stat.c.accuracy
# To PostgreSQL NaN is greater than any number.
_MOST = sys.float_info.max

has_validation: ColumnElement[int] = case((_validation <= _MOST, 1), else_=0)
accuracy: ColumnElement[float] = case((_accuracy <= _MOST, _accuracy), else_=-_MOST)
score: ColumnElement[float] = case((_validation <= _MOST, _validation), else_=accuracy)
"""Of an epoch: the validation score, or the accuracy where it has none."""


def best_first() -> list[ColumnElement[Any]]:
    """Return the order of a query of `schema.stat` and `schema.trial` that has the best first."""
    return [has_validation.desc(), score.desc(), schema.stat.c.epoch.desc(), schema.trial.c.id]
