"""Which rows are asked for, as conditions whose values are bound, never pasted into SQL."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_STAT = {
    one.name: schema.stat.c[field.name]
    for field in fields.EPOCH
    for one in field.shown
    if one.filtered
}
_OF_TRIAL: dict[str, ColumnElement[Any]] = {
    **{
        one.name: schema.trial.c[field.name]
        for field in fields.TRIAL
        for one in field.shown
        if one.filtered
    },
    "data": LABEL,
    "fingerprint": FINGERPRINT,
}
COLUMNS = (*_OF_STAT, *_OF_TRIAL)
"""Columns of the results that rows can be filtered by."""
TEXTS = tuple(name for name, column in _OF_TRIAL.items() if isinstance(column.type, String))
"""Those of them that are text."""
UNFILTERED = (
    *(
        one.name
        for field in (*fields.EPOCH, *fields.TRIAL)
        for one in field.shown
        if not one.filtered
    ),
    "curve",
    "role",
    "position",
)
"""Columns of the results that rows cannot be filtered by."""
PRM = "prm."
"""What names of hyperparameters begin with as columns, and where a column has their name."""
_UID_LENGTH = 32
_BEGINS_A_NUMBER = tuple("-0123456789")


@dataclass(frozen=True)
class Filters:
    """Which rows are asked for.

    Attributes:
        trial: Columns of `schema.trial` by their value; None takes any.
        epoch: Number of the epoch; None takes any.
        nn_prefixes: What names of nets begin with; none takes any.
        where: Hyperparameters and columns by what they must be, as `lemur_core.data` says.
        collection: Name of a collection whose members' rows are asked for; None takes any.
        also: Other conditions that rows must meet too.

    Raises:
        SettingsError: Rows cannot be filtered by a column.
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
        """Whether every row is asked for."""
        trial = {name: value for name, value in self.trial.items() if value is not None}
        is_any = replace(self, trial=trial, also=None) == Filters()
        return is_any and (self.also is None or self.also.is_empty)

    @property
    def collection_name(self) -> str | None:
        """The collection whose members' rows are asked for; None where it is any."""
        return self.collection or (None if self.also is None else self.also.collection_name)

    def apply(self, query: Select[Any], *, joined: bool = False) -> Select[Any]:
        """Return a query of `schema.stat` with these conditions.

        Args:
            query: The query.
            joined: Whether `schema.trial` is in it already; it is joined where it is needed.
        """
        of_trial = list(self._of_trial(schema.stat.c.epoch))
        if of_trial and not joined:
            query = query.join_from(schema.stat, schema.trial)
        return query.where(*self._of_stat(), *of_trial)

    def without_epochs(self) -> Select[str]:
        """Return a query of the unique ids of trials that match and have no epoch."""
        trial, stat = schema.trial.c, schema.stat.c
        conditions = [*self._of_trial(None), ~exists().where(stat.trial_id == trial.id)]
        # No trial without epochs has a score.
        if list(self._of_stat()):
            conditions = [false()]
        return select(trial.uid).where(*conditions).order_by(trial.id)

    def _of_stat(self) -> Iterator[ColumnElement[bool]]:
        if self.also is not None:
            yield from self.also._of_stat()
        if self.epoch is not None:
            yield schema.stat.c.epoch == _bindable(self.epoch)
        for name, wanted in self.where.items():
            if name in _OF_STAT:
                yield _column(_OF_STAT[name], wanted)

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
            begins = [storable(one) for one in self.nn_prefixes]
            yield or_(*(trial.nn.startswith(one, autoescape=True) for one in begins))
        for name, wanted in self.where.items():
            if name == "trial":
                yield _uid(wanted)
            elif name in _OF_TRIAL:
                yield _column(_OF_TRIAL[name], wanted)
            elif name not in _OF_STAT:
                yield _named(storable(name), wanted, epoch)


def _check_finite(name: str, wanted: Any) -> None:
    """Look whether a condition can be met: no recorded number is infinite or NaN.

    Raises:
        SettingsError: A value is not finite, or a bound is NaN.
    """
    values = wanted if isinstance(wanted, tuple | list | set | frozenset) else [wanted]
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            # A range may be open.
            if isinstance(wanted, tuple) and not math.isnan(value):
                continue
            raise SettingsError(
                f"rows cannot be filtered by {name}={value}: expected a finite number"
            )


def _bindable(value: Any) -> Any:
    """Return a value as a driver takes it: no column holds a larger integer."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return math.inf if value > 0 else -math.inf
    return value


def _uid(wanted: Any) -> ColumnElement[bool]:
    """Return the condition that a trial's unique id is, or begins as, is asked for."""
    uid = schema.trial.c.uid
    values = wanted if isinstance(wanted, list | set | frozenset) else [wanted]
    return or_(
        *(
            uid == value if len(value) >= _UID_LENGTH else uid.startswith(value, autoescape=True)
            for value in map(storable, map(str, values))
        )
    )


def _column(column: ColumnElement[Any], wanted: Any) -> ColumnElement[bool]:
    if isinstance(wanted, tuple):
        return _between(column, wanted)
    return (
        column.in_([*map(_bindable, wanted)])
        if isinstance(wanted, list | set | frozenset)
        else (column == _bindable(wanted))
    )


def _named(name: str, wanted: Any, epoch: ColumnElement[int] | None) -> ColumnElement[bool]:
    """Return the condition on a hyperparameter, or on a fact of the trial or of the row's epoch."""
    prm, fact = schema.prm.c, schema.fact.c
    own = name.removeprefix(PRM).removeprefix(PREFIX)
    of_prm = exists().where(
        prm.uid == schema.trial.c.prm, prm.name == own, _fits(prm.value, wanted)
    )
    epochs = fact.epoch == WHOLE_TRIAL
    if epoch is not None:
        epochs |= fact.epoch == epoch
    of_fact = exists().where(
        fact.trial_id == schema.trial.c.id, epochs, fact.name == own, _fits(fact.value, wanted)
    )
    if name.startswith(PRM):
        return of_prm
    return of_fact if name.startswith(PREFIX) else of_prm | of_fact


def _fits(column: Column[Any], wanted: Any) -> ColumnElement[bool]:
    text = func.coalesce(column.cast(Text), "")
    if isinstance(wanted, tuple):
        # A cast of what is no number is an error to some databases.
        number = case((func.substr(text, 1, 1).in_(_BEGINS_A_NUMBER), cast(text, Float)))
        return _between(number, wanted)
    values = wanted if isinstance(wanted, list | set | frozenset) else [wanted]
    return text.in_([stored for value in values for stored in _stored(value)])


def _between(column: ColumnElement[Any], bounds: tuple[Any, ...]) -> ColumnElement[bool]:
    low, high = map(_bindable, bounds)
    return (column >= (column if low is None else low)) & (
        column <= (column if high is None else high)
    )


def _stored(value: Any) -> list[str]:
    """Return the texts that a value may be stored as: 32 also finds 32.0."""
    values = [value]
    if isinstance(value, float) and value.is_integer():
        values.append(int(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        values.append(float(value))
    return [schema.Exact.text(each) for each in values]
