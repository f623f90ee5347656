"""Convert dataclass instances to JSON values and back, using the declared types of fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

Reader = Callable[[Any], Any]
Record = TypeVar("Record")

DECODING_ERRORS = (
    ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError,
)  # fmt: skip
"""Exceptions that `from_json` raises for invalid values."""


def to_json(record: Any, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """Return the attributes of a record as JSON values, by name.

    Args:
        record: A dataclass instance.
        leave_out: Names of attributes to leave out.
    """
    return {
        name: read(getattr(record, name))
        for name, read in _readers(type(record)).items()
        if name not in leave_out
    }


def from_json(kind: type[Record], values: Mapping[str, Any]) -> Record:
    """Return the record that `to_json` converted to these values.

    Args:
        kind: A dataclass.
        values: Decoded JSON values of the attributes, by name. Attributes with a default can be
            missing; unknown names are ignored.

    Raises:
        Exception: One of `DECODING_ERRORS`, if the values are not those of such a record.
    """
    readers = _readers(kind)
    return kind(**{name: read(values[name]) for name, read in readers.items() if name in values})


def _make_readers(kind: Any) -> dict[str, Reader]:
    """Return the functions that decode the attributes of a dataclass, by name."""
    hints = get_type_hints(kind)
    return {field.name: reader(hints[field.name]) for field in fields(kind)}


_readers: Callable[[Any], dict[str, Reader]] = cache(_make_readers)


def reader(kind: Any) -> Reader:
    """Return a function that converts a decoded JSON value to a type.

    The function returns a value that already has the type unchanged.

    Args:
        kind: ``int``, ``float``, ``bool``, ``str``, an enumeration, a named tuple, a dataclass,
            ``Any``, or a tuple, mapping or optional value of these.

    >>> reader(tuple[tuple[float, float], ...])([[1, 0.5]])
    ((1.0, 0.5),)
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda value: value
    if origin is UnionType:
        return _optional(parts)
    if origin is tuple:
        return _tuple(parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(parts)
    if is_dataclass(kind):
        return partial(from_json, cast("type[Any]", kind))
    if isinstance(kind, type) and issubclass(kind, tuple):
        return _named_tuple(kind)
    if isinstance(kind, type) and issubclass(kind, int | float | str | Enum):
        return kind
    raise TypeError(f"{kind}: expected a type that has a form in JSON")


def _optional(parts: tuple[Any, ...]) -> Reader:
    [present] = [reader(part) for part in parts if part is not NoneType]
    return lambda value: None if value is None else present(value)


def _tuple(parts: tuple[Any, ...]) -> Reader:
    if parts[1:] == (...,):
        read_member = reader(parts[0])
        return lambda value: tuple(map(read_member, value))
    readers = [reader(part) for part in parts]
    return lambda value: tuple(read(member) for read, member in zip(readers, value, strict=True))


def _mapping(parts: tuple[Any, ...]) -> Reader:
    read_key, read_member = map(reader, parts)
    return lambda value: {read_key(key): read_member(member) for key, member in value.items()}


def _named_tuple(kind: Any) -> Reader:
    readers = [reader(part) for part in get_type_hints(kind).values()]
    return lambda value: kind(*(read(member) for read, member in zip(readers, value, strict=True)))
