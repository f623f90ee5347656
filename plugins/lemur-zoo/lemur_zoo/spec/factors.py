"""The generating factors of a zoo, and the values that each can have."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.errors import SettingsError, hint
from lemur_zoo.spec.spec import Range, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_RANGE = re.compile(r"\s*(?P<low>[^.\s]\S*?)\.\.(?P<high>\S+)(?P<log>\s+log)?\s*")


class Factor(NamedTuple):
    """A generating factor.

    Attributes:
        default: Value if a specification gives none.
        expected: What its values are.
        accepts: Returns whether a value is one.
    """

    default: Value
    expected: str
    accepts: Callable[[Any], bool]


def _one_of(default: str, *others: str) -> Factor:
    names = (default, *others)
    return Factor(default, " or ".join(names), lambda value: value in names)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(default: float, expected: str, accepts: Callable[[float], bool]) -> Factor:
    return Factor(default, expected, lambda value: _is_number(value) and accepts(value))


FACTORS: dict[str, Factor] = {
    "init": _one_of("kaiming_uniform", "kaiming_normal", "uniform", "normal"),
    "activation": _one_of("tanh", "sigmoid", "relu", "gelu"),
    "optimizer": _one_of("adam", "sgd"),
    "lr": _number(1e-3, "a number above 0", lambda value: value > 0),
    "momentum": _number(0.9, "a number from 0 to below 1", lambda value: 0 <= value < 1),
    "weight_decay": _number(0.0, "a number, 0 or above", lambda value: value >= 0),
    "dropout": _number(0.0, "a number from 0 to below 1", lambda value: 0 <= value < 1),
    "schedule": _one_of("constant", "onecycle"),
    "batch": Factor(10, "a whole number above 0", lambda value: type(value) is int and value > 0),
}
"""The factors by name, in the order in which combinations are counted: the last varies fastest."""


def read_factors(
    where: str, table: Mapping[str, Any], *, drawn: bool
) -> dict[str, tuple[Value | Range, ...]]:
    """Return the values of all factors, those of a specification and the defaults.

    Args:
        where: What the table is called in messages.
        table: A value or a list of values by name of the factor.
        drawn: Whether the members' values are drawn at random, so that ranges are possible.

    Raises:
        SettingsError: A factor is unknown, or a value is not one of it.
    """
    for name, values in table.items():
        if name == "net" and isinstance(values, list):
            raise SettingsError(
                f"{where}: net is {values!r}; the members of a zoo have one architecture, so make "
                "a zoo of each net"
            )
        if name == "width":
            raise SettingsError(
                f"{where}: width is {values!r}; the members of a zoo have one architecture, so set "
                "width in [zoo], and make a zoo of each"
            )
        if name not in FACTORS:
            raise SettingsError(f"{where}: unknown factor {name!r}{hint(name, [*FACTORS])}")
    return {
        name: tuple(_values(f"{where}: {name}", table.get(name, factor.default), factor, drawn))
        for name, factor in FACTORS.items()
    }


def _values(where: str, given: Any, factor: Factor, drawn: bool) -> Sequence[Value | Range]:
    values = given if isinstance(given, list) else [given]
    if not values:
        raise SettingsError(f"{where} is an empty list; expected {factor.expected}")
    read = [_value(where, value, factor, drawn) for value in values]
    if len(set(read)) < len(read):
        raise SettingsError(f"{where} is {given!r}: a value is given twice")
    return read


def _value(where: str, value: Any, factor: Factor, drawn: bool) -> Value | Range:
    match = _RANGE.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        return _range(where, value, match, factor, drawn)
    if not factor.accepts(value):
        raise SettingsError(f"{where} is {value!r}; expected {factor.expected}")
    # 1 and 1.0 are the same value of a factor of fractions.
    return float(value) if isinstance(factor.default, float) else value


def _range(where: str, text: str, match: re.Match[str], factor: Factor, drawn: bool) -> Range:
    try:
        low, high = float(match["low"]), float(match["high"])
    except ValueError:
        raise SettingsError(f"{where} is {text!r}; expected {factor.expected}") from None
    log = match["log"] is not None
    accepts = isinstance(factor.default, float) and factor.accepts(low) and factor.accepts(high)
    if not accepts or not low < high or (log and low <= 0):
        raise SettingsError(f"{where} is {text!r}; expected {factor.expected}")
    if not drawn:
        raise SettingsError(
            f"{where} is the range {text!r}; a grid needs values, so list them, or add sample = N "
            "to [members]"
        )
    return Range(low, high, log)
