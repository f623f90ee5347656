"""Filters on rows, as SQL conditions whose values are bound and never pasted into SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Float,
    Select,
    String,
    Text,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)

from lemur_core.errors import SettingsError
from lemur_core.fact import PREFIX, WHOLE_TRIAL
from lemur_core.store import fields, schema
from lemur_core.store.datasets import FINGERPRINT, LABEL
from lemur_core.store.text import storable
from lemur_core.tags import TAG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STAT_COLUMNS = {
    column.name: schema.stat.c[field.name]
    for field in fields.EPOCH
    for column in field.shown
    if column.filtered
}
TRIAL_COLUMNS: dict[str, ColumnElement[Any]] = {
    **{
        column.name: schema.trial.c[field.name]
        for field in fields.TRIAL
        for column in field.shown
        if column.filtered
    },
    "data": LABEL,
    "fingerprint": FINGERPRINT,
}
"""SQL expressions of the columns of results that belong to trials, by name."""
COLUMNS = (*_STAT_COLUMNS, *TRIAL_COLUMNS)
"""Columns of results that rows can be filtered by."""
TEXTS = tuple(name for name, column in TRIAL_COLUMNS.items() if isinstance(column.type, String))
"""The columns in `COLUMNS` that hold text."""
UNFILTERED = (
    *(
        column.name
        for field in (*fields.EPOCH, *fields.TRIAL)
        for column in field.shown
        if not column.filtered
    ),
    "curve",
    "role",
    "position",
)
"""Columns of results that rows cannot be filtered by."""
PRM = "prm."
"""Prefix of hyperparameters' names as columns, and in filters where a name is ambiguous."""
_UID_LENGTH = 32
_NUMBER_STARTS = tuple("-0123456789")


@dataclass(frozen=True)
class Filters:
    """Conditions that rows must meet.

    Attributes:
        trial: Required value of columns of `schema.trial`, by name; None matches any value.
        epoch: Number of the epoch; None matches any epoch.
        nn_prefixes: Prefixes of net names, of which one must match; empty matches any net.
        where: Required values of hyperparameters, facts and columns, as in `lemur_core.data`.
        collection: Name of the collection that the row's trial must be a member of; None matches
            any trial.
        also: Further conditions that rows must meet as well.

    Raises:
        SettingsError: Rows cannot be filtered by one of the columns, or a number is not finite.
    """

    trial: Mapping[str, str | None] = field(default_factory=dict)
    epoch: int | None = None
    nn_prefixes: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    collection: str | None = None
    also: Filters | None = None

    def __post_init__(self) -> None:
        for name in self.where:
            if name in UNFILTERED:
                raise SettingsError(
                    f"rows cannot be filtered by {name!r}; "
                    f"for a hyperparameter of this name write {PRM}{name}"
                )
            _check_finite(name, self.where[name])

    @property
    def is_empty(self) -> bool:
        """Whether every row matches."""
        trial = {name: value for name, value in self.trial.items() if value is not None}
        is_unrestricted = replace(self, trial=trial, also=None) == Filters()
        return is_unrestricted and (self.also is None or self.also.is_empty)

    @property
    def collection_name(self) -> str | None:
        """Name of the collection that trials must be members of; None if any trial matches."""
        return self.collection or (None if self.also is None else self.also.collection_name)

    def apply(self, query: Select[Any], *, joined: bool = False) -> Select[Any]:
        """Add these conditions to a query of `schema.stat`.

        Args:
            query: The query.
            joined: Whether the query already joins `schema.trial`; otherwise it is joined if a
                condition needs it.
        """
        trial_conditions = list(self._of_trial(schema.stat.c.epoch))
        if trial_conditions and not joined:
            query = query.join_from(schema.stat, schema.trial)
        return query.where(*self._of_stat(), *trial_conditions)

    def without_epochs(self) -> Select[str]:
        """Return a query for the unique ids of matching trials that have no epoch."""
        trial, stat = schema.trial.c, schema.stat.c
        conditions = [*self._of_trial(None), ~exists().where(stat.trial_id == trial.id)]
        # Trials without epochs have no columns of `schema.stat` to match.
        if list(self._of_stat()):
            conditions = [false()]
        return select(trial.uid).where(*conditions).order_by(trial.id)

    def trials(self) -> list[ColumnElement[bool]]:
        """Return conditions on trials: one of their epochs matches, or they match and have none."""
        if self.is_empty:
            return []
        trial, stat = schema.trial.c, schema.stat.c
        with_epochs = self.apply(select(stat.trial_id))
        without_epochs = self.without_epochs().with_only_columns(trial.id).order_by(None)
        return [trial.id.in_(with_epochs) | trial.id.in_(without_epochs)]

    def _of_stat(self) -> Iterator[ColumnElement[bool]]:
        if self.also is not None:
            yield from self.also._of_stat()
        if self.epoch is not None:
            yield schema.stat.c.epoch == _bindable(self.epoch)
        for name, condition in self.where.items():
            if name in _STAT_COLUMNS:
                yield _column(_STAT_COLUMNS[name], condition)

    def _of_trial(self, epoch: ColumnElement[int] | None) -> Iterator[ColumnElement[bool]]:
        if self.also is not None:
            yield from self.also._of_trial(epoch)
        trial = schema.trial.c
        for name, value in self.trial.items():
            if value is not None:
                yield trial[name] == storable(value)
        if self.collection is not None:
            yield trial.id.in_(
                select(schema.member.c.trial_id)
                .join_from(schema.member, schema.collection)
                .where(schema.collection.c.name == storable(self.collection))
            )
        if self.nn_prefixes:
            prefixes = [storable(prefix) for prefix in self.nn_prefixes]
            yield or_(*(trial.nn.startswith(prefix, autoescape=True) for prefix in prefixes))
        for name, condition in self.where.items():
            if name == "trial":
                yield _uid(condition)
            elif name in TRIAL_COLUMNS:
                yield _column(TRIAL_COLUMNS[name], condition)
            elif name not in _STAT_COLUMNS:
                yield _named(storable(name), condition, epoch)


def _check_finite(name: str, condition: Any) -> None:
    """Check that a condition can be met: no recorded number is infinite or NaN.

    Raises:
        SettingsError: A value is not finite, or a bound is NaN.
    """
    values = condition if isinstance(condition, tuple | list | set | frozenset) else [condition]
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            # A bound of a range may be infinite.
            if isinstance(condition, tuple) and not math.isnan(value):
                continue
            raise SettingsError(
                f"rows cannot be filtered by {name}={value}: expected a finite number"
            )


def _bindable(value: Any) -> Any:
    """Return a value that database drivers accept: integers beyond 64 bits become infinities."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return math.inf if value > 0 else -math.inf
    return value


def _uid(condition: Any) -> ColumnElement[bool]:
    """Return the condition that a trial's unique id equals or starts with one of the values."""
    uid = schema.trial.c.uid
    values = condition if isinstance(condition, list | set | frozenset) else [condition]
    return or_(
        *(
            uid == value if len(value) >= _UID_LENGTH else uid.startswith(value, autoescape=True)
            for value in map(storable, map(str, values))
        )
    )


def _column(column: ColumnElement[Any], condition: Any) -> ColumnElement[bool]:
    if isinstance(condition, tuple):
        return _between(column, condition)
    return (
        column.in_([*map(_bindable, condition)])
        if isinstance(condition, list | set | frozenset)
        else (column == _bindable(condition))
    )


def _named(name: str, condition: Any, epoch: ColumnElement[int] | None) -> ColumnElement[bool]:
    """Return the condition on a hyperparameter, or on a fact of the trial or of the row's epoch.

    Args:
        name: Name of the hyperparameter or fact, with or without a prefix.
        condition: Required value, values or range.
        epoch: The row's epoch; None to consider facts of the whole trial only.
    """
    prm, fact = schema.prm.c, schema.fact.c
    if name == TAG:
        return _tagged(condition)
    plain_name = name.removeprefix(PRM).removeprefix(PREFIX)
    prm_matches = exists().where(
        prm.uid == schema.trial.c.prm, prm.name == plain_name, _fits(prm.value, condition)
    )
    epochs = fact.epoch == WHOLE_TRIAL
    if epoch is not None:
        epochs |= fact.epoch == epoch
    fact_matches = exists().where(
        fact.trial_id == schema.trial.c.id,
        epochs,
        fact.name == plain_name,
        _fits(fact.value, condition),
    )
    if name.startswith(PRM):
        return prm_matches
    return fact_matches if name.startswith(PREFIX) else prm_matches | fact_matches


def _tagged(condition: Any) -> ColumnElement[bool]:
    """Return the condition that the trial has one of these tags."""
    fact = schema.fact.c
    values = condition if isinstance(condition, list | set | frozenset) else [condition]
    names = [storable(f"{TAG}.{value}") for value in values]
    return exists().where(
        fact.trial_id == schema.trial.c.id, fact.epoch == WHOLE_TRIAL, fact.name.in_(names)
    )


def _fits(column: Column[Any], condition: Any) -> ColumnElement[bool]:
    text = func.coalesce(column.cast(Text), "")
    if isinstance(condition, tuple):
        # Some databases raise an error if a text that is not a number is cast.
        number = case((func.substr(text, 1, 1).in_(_NUMBER_STARTS), cast(text, Float)))
        return _between(number, condition)
    values = condition if isinstance(condition, list | set | frozenset) else [condition]
    return text.in_([text_value for value in values for text_value in _stored(value)])


def _between(column: ColumnElement[Any], bounds: tuple[Any, ...]) -> ColumnElement[bool]:
    low, high = map(_bindable, bounds)
    return (column >= (column if low is None else low)) & (
        column <= (column if high is None else high)
    )


def _stored(value: Any) -> list[str]:
    """Return the texts that a value may be stored as: 32 also matches 32.0."""
    values = [value]
    if isinstance(value, float) and value.is_integer():
        values.append(int(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        values.append(float(value))
    return [schema.JsonText.text(item) for item in values]
