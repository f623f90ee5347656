"""The definition of a field of a trial or an epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, Column, Float, Integer, String, Text
from sqlalchemy.types import TypeEngine, to_instance

from lemur_core.store.text import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The Python type of each column type, and the smallest integer that is too large for it.
_PYTHON_TYPES: dict[type, type] = {
    Integer: int, BigInteger: int, Float: float, String: str, Text: str, JSON: dict,
}  # fmt: skip
_TOO_LARGE: dict[type, int] = {Integer: 2**31, BigInteger: 2**63}


class Publication(Enum):
    """How a field appears in the records that lemur exports of its own trials."""

    REQUIRED = "required"  # a record without it was not written by lemur
    NULLABLE = "nullable"  # null if it is unknown
    OPTIONAL = "optional"  # omitted if it is unknown


@dataclass(frozen=True)
class ShownColumn:
    """A column that shows a field in the results that `lemur_core.data` returns.

    Attributes:
        name: Name of the column.
        dtype: Its pandas dtype.
        with_stats: Whether only ``with_stats`` shows it.
        filtered: Whether rows can be filtered by it.
        value: Function that converts the stored value; None shows the stored value.
    """

    name: str
    dtype: str = "object"
    with_stats: bool = False
    filtered: bool = True
    value: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Field:
    """A field that is stored for each trial or each epoch.

    Attributes:
        name: Name of its column, and of its key in exported records.
        type: An SQLAlchemy type, or a foreign key.
        nullable: Whether it may be unknown.
        primary_key: Whether it is part of the table's primary key.
        unique: Whether its values are unique.
        default: Default value of the column.
        begin: Function that returns its value from a `Trial` that starts; None if the writer sets
            it in another way, or later.
        epoch: Function that returns its value from an `Epoch`.
        end: Function that returns its value from the `Outcome` of a trial.
        setting: Whether trials that differ in it were trained differently.
        changes: Whether it may change during a trial, other than through ``end``.
        attribute: The attribute of `Epoch` that it is read into.
        read: Function that converts a stored value, for example JSON; it raises one of
            `lemur_core.codec.DECODING_ERRORS` if the stored value is invalid. None uses the stored
            value.
        shown: Columns of results that show it.
        published: How it is exported; None does not export it.
    """

    name: str
    type: Any
    nullable: bool = True
    primary_key: bool = False
    unique: bool | None = None
    default: Any = None
    begin: Callable[[Any], Any] | None = None
    epoch: Callable[[Any], Any] | None = None
    end: Callable[[Any], Any] | None = None
    setting: bool = False
    changes: bool = False
    attribute: str | None = None
    read: Callable[[Any], Any] | None = None
    shown: tuple[ShownColumn, ...] = ()
    published: Publication | None = None

    @cached_property
    def _type(self) -> TypeEngine[Any]:
        return to_instance(self.type)

    def column(self) -> Column[Any]:
        """Return its column for a table definition."""
        default = {} if self.default is None else {"default": self.default}
        return Column(
            self.name,
            self.type,
            nullable=self.nullable and not self.primary_key,
            primary_key=self.primary_key,
            unique=self.unique,
            **default,
        )

    def value(self, stored: Any) -> Any:
        """Convert a stored value; None if it is unknown."""
        return stored if self.read is None or stored is None else self.read(stored)

    def for_driver(self, value: Any) -> Any:
        """Convert a value for a database driver that is called without SQLAlchemy's conversion."""
        return json.dumps(value) if isinstance(self._type, JSON) else value

    def check(self, value: Any) -> None:
        """Check that an imported value is one that lemur could have written to the column.

        Raises:
            Exception: One of `lemur_core.codec.DECODING_ERRORS` if it is not.
        """
        if value is None:
            if not self.nullable or self.published is Publication.REQUIRED:
                raise ValueError(value)
            return
        column_type = self._type
        if type(value) is not _PYTHON_TYPES[type(column_type)]:
            raise TypeError(value)
        if isinstance(value, int) and not 0 <= value < _TOO_LARGE[type(column_type)]:
            raise ValueError(value)
        if isinstance(value, str) and (
            storable(value) != value
            or len(value) > (getattr(column_type, "length", None) or len(value))
        ):
            raise ValueError(value)
        self.value(value)


def checked_values(fields: tuple[Field, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Check imported values and return them by field name; missing values are None.

    Raises:
        Exception: One of `lemur_core.codec.DECODING_ERRORS` if a value is not one that lemur
            writes.
    """
    for field in fields:
        field.check(values.get(field.name))
    return {field.name: values.get(field.name) for field in fields}
