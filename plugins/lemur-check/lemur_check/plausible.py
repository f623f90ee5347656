"""Values that a stranger reports, refused where they cannot be true."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.code import check_name, storable
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_PRM = 256
LONGEST_VALUE = 1_000
# Of an integer in every database.
_GREATEST = 2**63 - 1


class ImplausibleError(ValueError):
    """A reported value that cannot be true."""


class Span(NamedTuple):
    """The least and the greatest value of a number, both included; None is 2**63 - 1."""

    least: float
    greatest: float | None

    def holds(self, value: float) -> bool:
        """Return whether a value lies within."""
        most = _GREATEST if self.greatest is None else self.greatest
        return self.least <= value <= most


def whole_number_of(what: str, value: Any, span: Span) -> int:
    """Return a value that is a whole number of a range.

    Raises:
        ImplausibleError: It is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and span.holds(value):
        return value
    raise ImplausibleError(f"{what} that cannot be: {_shown(value)}")


def number_of(what: str, value: Any, span: Span) -> float:
    """Return a value that is a finite number of a range.

    Raises:
        ImplausibleError: It is something else.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN lies in no span.
    if is_number and span.holds(value):
        return float(value)
    raise ImplausibleError(f"a {what} that cannot be: {_shown(value)}")


def text_of(what: str, value: Any) -> str:
    """Return a value that is a text.

    Raises:
        ImplausibleError: It is something else.
    """
    if isinstance(value, str):
        return value
    raise ImplausibleError(f"a {what} that is no text: {_shown(value)}")


def prm_of(value: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value that is hyperparameters: 256 names at most, of texts and finite numbers.

    Args:
        value: What is reported.
        given: Those that are known, which it must hold.

    Raises:
        ImplausibleError: It is something else.
    """
    if not isinstance(value, dict) or len(value) > MOST_PRM:
        raise ImplausibleError("hyperparameters that are not some names and values")
    for name, one in value.items():
        try:
            check_name("hyperparameter", name, SettingsError)
        except SettingsError as error:
            raise ImplausibleError(str(error)) from None
        if not _is_scalar(one):
            raise ImplausibleError(
                f"hyperparameter {name!r} that is no number, text or truth value: {_shown(one)}"
            )
    for name, one in given.items():
        if name not in value or (type(value[name]), value[name]) != (type(one), one):
            raise ImplausibleError(f"another hyperparameter {name!r} than it was given")
    return value


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_VALUE and storable(value) == value
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) <= _GREATEST


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"a {type(value).__name__}"
    try:
        text = ascii(value)
    # An integer of more digits than Python writes.
    except ValueError:
        return "a number without end"
    return text if len(text) <= 40 else f"{text[:40]}..."
