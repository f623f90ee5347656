"""The columns of a DataFrame of results, and how its rows are selected and presented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_core.store import fields, schema
from lemur_core.store.reading.collected import ROLES
from lemur_core.store.reading.filters import PRM
from lemur_core.store.reading.metric_errors import ERRORS
from lemur_core.store.reading.seeds import ERROR_SEEDS, SEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.store.reading.highest import By

_LEMUR_COLUMNS = (
    "task", "dataset", "metric", "metric_code", "nn", "nn_code", "epoch", "accuracy", "duration",
    "prm", "transform_code",
)  # fmt: skip
_SHOWN_COLUMNS = [column for field in (*fields.EPOCH, *fields.TRIAL) for column in field.shown]
COLUMNS = (
    *_LEMUR_COLUMNS,
    *(
        column.name
        for column in _SHOWN_COLUMNS
        if not column.with_stats and column.name not in _LEMUR_COLUMNS
    ),
)
CURVE = "curve"
# Rows that are the best of each user show whose they are.
_USER = "user"
STATS = tuple(
    column.name
    for field in (*fields.TRIAL, *fields.EPOCH)
    for column in field.shown
    if column.with_stats
)
CODE = {f"{table.name}_code": table for table in (schema.metric, schema.nn, schema.transform)}
"""Columns of source code, with the tables of the code."""
RESERVED_NAMES = {*COLUMNS, CURVE, *STATS, *ROLES, *SEEDS, *ERRORS, *ERROR_SEEDS}
"""Names of columns that no fact's column may have."""


@dataclass(frozen=True)
class FrameOptions:
    """How to select and present the rows that match the filters.

    Attributes:
        best_of: Keep only the best of the rows that agree in these columns; empty keeps all rows.
        by: Criterion for the best row, see `lemur_core.store.reading.highest`.
        top: Number of rows to keep of the rows that agree in ``best_of``; they are of different
            trials.
        sort: Columns to sort the rows by; a name that starts with ``-`` sorts in descending order.
        ranked: Whether to order the rows by task, dataset and metric, best first, before they are
            sorted.
        max_rows: Maximum number of rows, or of rows per task, dataset and metric if they are
            ranked; None for no limit.
        curves: Whether to add the learning curve of each row's trial.
        stats: Whether to add the recorded details of each row's trial.
        prm_as_columns: Whether to give each hyperparameter its own column.
        columns: The columns to return; None returns all.
        facts: Whether to add the facts of each row's trial and epoch, or the names of the facts to
            add.
        roles: Whether to add the roles and positions of members if rows are of a collection.
        code: Whether to return the columns of source code if none are named.
        seeds: Whether to add the columns in `lemur_core.store.reading.seeds.SEEDS`, and those of
            errors if rows have any.
    """

    best_of: Sequence[str] = ()
    by: By = "validation"
    top: int = 1
    sort: Sequence[str] = ()
    ranked: bool = False
    max_rows: int | None = None
    curves: bool = False
    stats: bool = False
    prm_as_columns: bool = False
    columns: Sequence[str] | None = None
    facts: bool | Sequence[str] = False
    roles: bool = False
    code: bool = True
    seeds: bool = False

    @property
    def available(self) -> list[str]:
        """Names of the columns that are returned by default, without facts."""
        return [
            *(name for name in COLUMNS if self.code or name not in CODE),
            *((CURVE,) if self.curves else ()),
            *(STATS if self.stats else ()),
            *((_USER,) if _USER in self.best_of and not self.stats else ()),
            *(ROLES if self.roles else ()),
            *((*SEEDS, *ERROR_SEEDS) if self.seeds else ()),
            *ERRORS,
        ]

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of the columns that are left out if no row has a value, as they are not named."""
        return (*ERRORS, *ERROR_SEEDS) if self.columns is None else ()

    @property
    def selectable(self) -> list[str]:
        """Names of the columns that can be selected, without facts and hyperparameters."""
        return list(dict.fromkeys([*self.available, *COLUMNS, CURVE, *STATS, *ERRORS]))

    @property
    def reordered(self) -> bool:
        """Whether the rows are not in the order in which they were recorded."""
        return bool(self.sort) or self.ranked


def is_fact(column: str) -> bool:
    """Return whether a column of results shows a fact."""
    return column not in RESERVED_NAMES and not column.startswith(PRM)
