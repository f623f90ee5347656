"""Check values that an untrusted process reports, and reject those that cannot be true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.code import check_name, storable
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PRM = 256
LONGEST_VALUE = 1_000
# The largest integer that every database can store.
_MAX_INTEGER = 2**63 - 1


class ImplausibleError(ValueError):
    """A reported value that cannot be true."""


class Span(NamedTuple):
    """An inclusive range of numbers. ``greatest`` None means 2**63 - 1."""

    least: float
    greatest: float | None

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the range."""
        greatest = _MAX_INTEGER if self.greatest is None else self.greatest
        return self.least <= value <= greatest


def whole_number_of(what: str, value: Any, span: Span) -> int:
    """Return a value that must be an integer in a range.

    Args:
        what: What the value is, for the message.
        value: The reported value.
        span: The range.

    Raises:
        ImplausibleError: The value is not an integer in the range.
    """
    if isinstance(value, int) and not isinstance(value, bool) and span.holds(value):
        return value
    raise ImplausibleError(f"impossible {what}: {_shown(value)}")


def number_of(what: str, value: Any, span: Span) -> float:
    """Return a value that must be a finite number in a range.

    Args:
        what: What the value is, for the message.
        value: The reported value.
        span: The range.

    Raises:
        ImplausibleError: The value is not a finite number in the range.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN lies in no range.
    if is_number and span.holds(value):
        return float(value)
    raise ImplausibleError(f"an impossible {what}: {_shown(value)}")


def text_of(what: str, value: Any) -> str:
    """Return a value that must be a string.

    Raises:
        ImplausibleError: The value is not a string.
    """
    if isinstance(value, str):
        return value
    raise ImplausibleError(f"a {what} that is not a string: {_shown(value)}")


def prm_of(value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value that must be hyperparameters: at most 256 names of strings and finite numbers.

    Args:
        value: The reported value.
        given: The hyperparameters that were given, which it must contain.

    Raises:
        ImplausibleError: The value is something else, or lacks a given hyperparameter.
    """
    if not isinstance(value, dict) or len(value) > MOST_PRM:
        raise ImplausibleError(
            f"hyperparameters that are not an object of at most {MOST_PRM} members"
        )
    for name, entry in value.items():
        try:
            check_name("hyperparameter", name, SettingsError)
        except SettingsError as error:
            raise ImplausibleError(str(error)) from None
        if not _is_scalar(entry):
            raise ImplausibleError(
                f"hyperparameter {name!r} that is not a number, string or boolean: {_shown(entry)}"
            )
    for name, entry in given.items():
        if name not in value or (type(value[name]), value[name]) != (type(entry), entry):
            raise ImplausibleError(f"a hyperparameter {name!r} that differs from the given one")
    return value


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_VALUE and storable(value) == value
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) <= _MAX_INTEGER


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    try:
        text = ascii(value)
    # The integer has more digits than Python converts.
    except ValueError:
        return "an integer of too many digits"
    return text if len(text) <= 40 else f"{text[:40]}..."
