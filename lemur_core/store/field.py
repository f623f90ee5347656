"""What a field of a trial or of an epoch is: all that is said of it, in one place."""

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

# What a column of each type takes, and the least whole number or length that is too large for it.
_TAKES: dict[type, type] = {
    Integer: int, BigInteger: int, Float: float, String: str, Text: str, JSON: dict,
}  # fmt: skip
_TOO_LARGE: dict[type, int] = {Integer: 2**31, BigInteger: 2**63}


class Publication(Enum):
    """How a field is written in the records that lemur publishes of its own trials."""

    REQUIRED = "required"  # a record without it is none of lemur's
    NULLABLE = "nullable"  # as null where it is not known
    OPTIONAL = "optional"  # left out where it is not known


@dataclass(frozen=True)
class ShownColumn:
    """A column of results, as `lemur_core.data` returns them, that shows a field.

    Attributes:
        name: Name of the column.
        dtype: The pandas dtype that holds what is stored.
        with_stats: Whether only ``with_stats`` shows it.
        filtered: Whether rows can be filtered by it.
        value: Makes what is shown of what is stored; None shows what is stored.
    """

    name: str
    dtype: str = "object"
    with_stats: bool = False
    filtered: bool = True
    value: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Field:
    """A fact about a trial or an epoch.

    Attributes:
        name: Name of its column, and in published records.
        type: An SQLAlchemy type, or a foreign key.
        nullable: Whether it may be unknown.
        primary_key: Whether it is part of the table's primary key.
        unique: Whether no two rows have the same.
        default: What stands in the column where nothing is said.
        begin: Takes its value from a `Trial` that begins; None where the writer has it from
            elsewhere, or later.
        epoch: Takes its value from an `Epoch`.
        end: Takes its value from the `Outcome` of a trial.
        setting: Whether trials that differ in it were trained differently.
        changes: Whether it may change while a trial goes on, beside what `end` gives.
        attribute: The attribute of `Epoch` that it is read back to.
        read: Makes a value of what is stored, where that is JSON or one of few texts; it raises
            one of `lemur_core.codec.DECODING_ERRORS` where it cannot.
        shown: The columns of results that show it.
        published: How it is published; None keeps it in the database.
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
    def _kind(self) -> TypeEngine[Any]:
        return to_instance(self.type)

    def column(self) -> Column[Any]:
        """Return its column, for a table."""
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
        """Return its value from what is stored; None where it is not known."""
        return stored if self.read is None or stored is None else self.read(stored)

    def for_driver(self, value: Any) -> Any:
        """Return a value as a database's driver takes it, where SQLAlchemy turns none."""
        return json.dumps(value) if isinstance(self._kind, JSON) else value

    def check(self, value: Any) -> None:
        """See that a value that came from elsewhere is one that lemur writes to the column.

        Raises:
            Exception: One of `lemur_core.codec.DECODING_ERRORS`; it is not.
        """
        if value is None:
            if not self.nullable or self.published is Publication.REQUIRED:
                raise ValueError(value)
            return
        kind = self._kind
        if type(value) is not _TAKES[type(kind)]:
            raise TypeError(value)
        if isinstance(value, int) and not 0 <= value < _TOO_LARGE[type(kind)]:
            raise ValueError(value)
        if isinstance(value, str) and (
            storable(value) != value or len(value) > (getattr(kind, "length", None) or len(value))
        ):
            raise ValueError(value)
        self.value(value)


def checked(fields: tuple[Field, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of fields by name, None for what is missing.

    Raises:
        Exception: One of `lemur_core.codec.DECODING_ERRORS`; one is not what lemur writes.
    """
    for field in fields:
        field.check(values.get(field.name))
    return {field.name: values.get(field.name) for field in fields}
