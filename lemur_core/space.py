"""Ranges of hyperparameters: read from flags, files and nets, handed to Optuna.

One way of writing serves all three. A range is text:

========================  ====================================================
``0.1`` or ``adam``       one value, which is not searched
``sgd,adam``              one of these; a list stands for the same
``0..0.99``               a real number
``1e-5..1 log``           a real number, searched by its logarithm
``1..8 int``              an integer
``2^4..2^7``              a power of two
========================  ====================================================

``log``, ``int`` and powers are inherited: where a net says ``layers`` is ``1..8 int``,
``--set layers=2..4`` searches integers.

Text in which commas look like decimal commas, ``0,001``, is refused, as `lemur_core.decimal_comma`
says; so is a tuple of two numbers, which could be a range or two values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lemur_core.decimal_comma import Plausible, refuse_decimal_comma, refuse_decimal_text
from lemur_core.errors import SpaceError, hint

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = bool | int | float | str
Given = Value | Sequence[Value]


@dataclass(frozen=True)
class Choice:
    """One of some values; a single one is fixed and not searched."""

    values: tuple[Value, ...]

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to search."""
        return len(self.values) == 1

    def distribution(self) -> BaseDistribution:
        """Return Optuna's distribution."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def holds(self, value: Value) -> bool:
        """Return whether a value lies within; ``1`` and ``1.0`` are the same, ``True`` is not."""
        return any(value == one and _is_bool(value) == _is_bool(one) for one in self.values)

    def __str__(self) -> str:
        return ",".join(map(str, self.values))


@dataclass(frozen=True)
class Interval:
    """Numbers from ``low`` to ``high``, both included."""

    low: float
    high: float
    log: bool = False
    integer: bool = False

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to search."""
        return False

    def distribution(self) -> BaseDistribution:
        """Return Optuna's distribution."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.integer:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def holds(self, value: Value) -> bool:
        """Return whether a value lies within."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        whole = not self.integer or float(value).is_integer()
        return whole and self.low <= float(value) <= self.high

    def __str__(self) -> str:
        words = [" log"] * self.log + [" int"] * self.integer
        return f"{self.low:g}..{self.high:g}{''.join(words)}"


Range = Choice | Interval
Space = dict[str, Range]

DEFAULT_RANGE = Interval(0.0, 1.0)
DEFAULT_RANGES: dict[str, Range] = {
    "lr": Interval(1e-5, 1.0, log=True),
    "batch": Choice((16, 32, 64, 128)),
    "dropout": Interval(0.0, 0.5),
    "momentum": Interval(0.0, 0.99),
}
# How any net is trained; each is part of a trial's prm only where it is asked for.
EXECUTION: dict[str, Range] = {
    "precision": Choice(("fp32", "bf16")),
    "compile": Choice((False, True)),
    "channels_last": Choice((False, True)),
}
# How a learning rate changes; part of a trial's prm only where it is asked for, of a net that has a
# scheduler.
_DECAY = Interval(0.0, 1.0)
SCHEDULE: dict[str, Range] = {
    "scheduler_epochs": Interval(1, 100, integer=True),
    "gamma": _DECAY,
}
# Real numbers, whatever range a net gives them.
_REAL = ("lr", "momentum", "dropout", "weight_decay")
_SCORES = ("accuracy", "validation", "loss", "predicted")
# Powers of two, whatever they are given as: LEMUR searches the exponent.
_POWERS = ("batch",)
# Outside of these no optimizer or layer can use them.
_LIMITS = {
    "lr": Interval(0.0, math.inf),
    "momentum": Interval(0.0, 1.0),
    "dropout": Interval(0.0, 1.0),
    "batch": Interval(1, math.inf, integer=True),
    "scheduler_epochs": Interval(1, math.inf, integer=True),
}

_NUMBER = r"(?:2\^\d{1,3}|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_INTERVAL = re.compile(rf"({_NUMBER})\.\.({_NUMBER})((?:\s+(?:log|int))*)")
_POWER = re.compile(r"2\^(\d{1,3})")


def parse_range(name: str, text: Given, like: Range | None = None) -> Range:
    """Read a range.

    Args:
        name: The hyperparameter's name, for errors, and for ``batch``, which is a power of two.
        text: As the module's table says; a list has the values to choose from; another value that
            is no text is fixed.
        like: The range it replaces, whose ``log`` and ``int`` are inherited.

    Raises:
        SpaceError: The range cannot be read, is empty, runs backwards, has decimal commas, is a
            tuple of two numbers, or lies where the hyperparameter has no meaning, a momentum above
            1 say.

    >>> parse_range("lr", "1e-4..1e-1", Interval(1e-5, 1, log=True))
    Interval(low=0.0001, high=0.1, log=True, integer=False)
    >>> parse_range("batch", "2^4..2^6")
    Choice(values=(16, 32, 64))
    >>> parse_range("optimizer", "sgd,adam")
    Choice(values=('sgd', 'adam'))
    """
    found = _read(name, text, like)
    check_range(name, text, found)
    return found


def check_range(name: str, text: Given, found: Range) -> None:
    """Raise `SpaceError` where a range, read from a text, has values without a meaning."""
    if name in _LIMITS:
        _check_limits(name, text, found, _LIMITS[name])
    if name in EXECUTION:
        _check_execution(name, text, found)


def _read(name: str, text: Given, like: Range | None) -> Range:
    if not isinstance(text, str):
        return _listed(name, text)
    text = text.strip()
    if match := _INTERVAL.fullmatch(text):
        low, high, words = match.groups()
        for end in (low, high):
            refuse_decimal_comma(name, end)
        powers = name in _POWERS or (low.startswith("2^") and high.startswith("2^"))
        return _powers(name, text) if powers else _interval(name, text, words.split(), like)
    if ".." in text:
        raise _unreadable_interval(name, text)
    refuse_decimal_comma(name, text, _plausible(name, like))
    values = [read_value(part.strip()) for part in text.split(",")]
    return _choice(name, text, dict.fromkeys(values))


def _listed(name: str, given: Given) -> Choice:
    values = given if isinstance(given, list | tuple) else (given,)
    if isinstance(given, tuple) and len(given) == 2 and all(map(_is_number, given)):
        low, high = given
        raise SpaceError(
            f"{name}={given}: a tuple of two numbers may be a range or two values; "
            f"write '{low}..{high}' for the range, or [{low}, {high}] for the values"
        )
    refuse_decimal_text(name, given, [value for value in values if isinstance(value, str)])
    return _choice(name, given, values)


def check_values(name: str, text: str) -> None:
    """Raise `SpaceError` where values of a hyperparameter or score seem to have decimal commas."""
    refuse_decimal_comma(name, text, DEFAULT_RANGE.holds if name in _SCORES else _plausible(name))


def _plausible(name: str, like: Range | None = None) -> Plausible | None:
    """Return whether a real number is one for this hyperparameter; None where it takes others."""
    like = like or DEFAULT_RANGES.get(name)
    if isinstance(like, Interval):
        return None if like.integer else like.holds
    takes_reals = like is not None and any(isinstance(value, float) for value in like.values)
    return DEFAULT_RANGE.holds if takes_reals or name in _REAL else None


def of_net(supported: Iterable[str] | Mapping[str, Given]) -> Space:
    """Return the space a net declares, ``batch`` with it.

    Args:
        supported: What its ``supported_hyperparameters()`` gives: names, or name to range.

    Raises:
        SpaceError: A range cannot be read.
    """
    declared = supported if isinstance(supported, Mapping) else {}
    space: Space = {"batch": DEFAULT_RANGES["batch"]}
    # A set has no order of its own, and the order decides what a seeded sampler draws.
    for name in declared or sorted(supported):
        default = DEFAULT_RANGES.get(name)
        space[name] = (
            parse_range(name, declared[name], default) if declared else default or DEFAULT_RANGE
        )
    space.pop("transform", None)
    return space


def override(space: Space, given: Mapping[str, Given]) -> Space:
    """Return ``space`` with those of the given ranges that it has a name for, or takes when asked.

    Raises:
        SpaceError: A range cannot be read.
    """
    taken = {name: one for name, one in optional_of(space).items() if name in given}
    space = space | taken
    changed = {
        name: parse_range(name, text, space[name]) for name, text in given.items() if name in space
    }
    # A net's own of this name may be something else, of its loss say.
    if "gamma" in taken:
        _check_limits("gamma", given["gamma"], changed["gamma"], _DECAY)
    return space | changed


def optional_of(space: Space) -> Space:
    """Return the ranges of what any net of a space takes, but only has when asked."""
    optional = EXECUTION | (SCHEDULE if "scheduler" in space else {})
    return {name: one for name, one in optional.items() if name not in space}


def fixed(space: Space) -> dict[str, Value]:
    """Return the hyperparameters that have one value and are not searched."""
    return {
        name: one.values[0] for name, one in space.items() if isinstance(one, Choice) and one.fixed
    }


def check_used(given: Iterable[str], spaces: Collection[Space]) -> None:
    """Raise `SpaceError` for a name that no net of the campaign has."""
    known = sorted({name for space in spaces for name in space})
    for name in given:
        if name not in known:
            raise SpaceError(f"no chosen net has a hyperparameter {name!r}{hint(name, known)}")


def _powers(name: str, text: str) -> Choice:
    low, high = (_exponent(name, end, text) for end in text.split()[0].split(".."))
    if low > high:
        raise SpaceError(f"{name}={text}: runs backwards; expected the smaller number first")
    return Choice(tuple(2**exponent for exponent in range(low, high + 1)))


def _exponent(name: str, end: str, text: str) -> int:
    number = _number(end)
    if number < 1 or not math.log2(number).is_integer():
        raise SpaceError(
            f"{name}={text}: {end} is no power of two; "
            f"write 2^4..2^7, or list the values: {name}=24,48"
        )
    return int(math.log2(number))


def _interval(name: str, text: str, words: list[str], like: Range | None) -> Range:
    low, high = (_number(end) for end in text.split()[0].split(".."))
    base = like if isinstance(like, Interval) else DEFAULT_RANGE
    interval = replace(
        base,
        low=low,
        high=high,
        log=base.log or "log" in words,
        integer=base.integer or "int" in words,
    )
    _check_interval(name, text, interval)
    return Choice((int(low) if interval.integer else low,)) if low == high else interval


def _check_interval(name: str, text: str, interval: Interval) -> None:
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        raise SpaceError(f"{name}={text}: expected finite numbers")
    if interval.low > interval.high:
        raise SpaceError(f"{name}={text}: runs backwards; expected the smaller number first")
    if interval.log and interval.low <= 0:
        raise SpaceError(
            f"{name}={text}: is searched by its logarithm, so it must begin above 0; "
            f"to try 0 alone, write {name}=0"
        )
    if interval.integer and not (interval.low.is_integer() and interval.high.is_integer()):
        raise SpaceError(f"{name}={text}: expected integers")


def _check_limits(name: str, text: Given, found: Range, limits: Interval) -> None:
    ends = found.values if isinstance(found, Choice) else (found.low, found.high)
    # The ends of an interval of integers are floats.
    as_found = not limits.integer or (isinstance(found, Interval) and found.integer)
    for end in ends:
        if not (limits.holds(end) and (as_found or isinstance(end, int))):
            kind = "an integer" if limits.integer else "a number"
            most = "or more" if limits.high == math.inf else f"to {limits.high:g}"
            raise SpaceError(f"{name}={text}: expected {kind}, {limits.low:g} {most}")


def _check_execution(name: str, text: Given, found: Range) -> None:
    values = found.values if isinstance(found, Choice) else ("..",)
    if not all(EXECUTION[name].holds(value) for value in values):
        known = str(EXECUTION[name]).lower().replace(",", " or ")
        raise SpaceError(f"{name}={text}: expected {known}")


def _number(text: str) -> float:
    power = _POWER.fullmatch(text)
    return float(2 ** int(power[1])) if power else float(text)


def _choice(name: str, text: Given, values: Iterable[Value]) -> Choice:
    choice = Choice(tuple(values))
    if not choice.values or not all(map(_usable, choice.values)):
        raise _unreadable(name, text)
    return choice


def read_value(text: str) -> Value:
    """Return the number, truth value or power of two that a text stands for; else the text."""
    if power := _POWER.fullmatch(text):
        return 1 << int(power[1])
    if text in ("true", "false"):
        return text == "true"
    readers: tuple[Callable[[str], Value], ...] = (int, float)
    for read in readers:
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _usable(value: object) -> bool:
    if isinstance(value, str):
        return value != ""
    return isinstance(value, int | float) and math.isfinite(value)


def _is_bool(value: Value) -> bool:
    return isinstance(value, bool)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not _is_bool(value)


def _unreadable_interval(name: str, text: str) -> SpaceError:
    pointed = text.replace(",", ".")
    if "," in text and _INTERVAL.fullmatch(pointed):
        return SpaceError(f"{name}={text}: has a decimal comma; write {pointed}")
    return _unreadable(name, text)


def _unreadable(name: str, text: Given) -> SpaceError:
    return SpaceError(
        f"{name}={text}: expected a value, values a,b, or a range lo..hi, as in "
        "1e-4..1e-1, 2^4..2^7, '1..8 int' or '1e-6..1e-3 log'"
    )
