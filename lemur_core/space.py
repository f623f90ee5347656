"""Ranges of hyperparameters, parsed from flags, files and nets, and passed to Optuna.

All three use the same notation. A range is text:

========================  ====================================================
``0.1`` or ``adam``       a single value, which is not searched
``sgd,adam``              one of these values; a list is equivalent
``0..0.99``               a real number
``1e-5..1 log``           a real number, searched on a logarithmic scale
``1..8 int``              an integer
``(1e-5, 1)``             in Python, a tuple of two numbers: the same as ``1e-5..1``
``2^4..2^7``              a power of two
========================  ====================================================

``log``, ``int`` and powers are inherited: if a net declares ``layers`` as ``1..8 int``,
``--set layers=2..4`` searches integers.

Text with commas that look like decimal commas, such as ``0,001``, is rejected, as
`lemur_core.decimal_comma` describes. A list of two numbers, which TOML and JSON write in the same
brackets, contains two values. A tuple of two integers is a range of integers unless it replaces a
range of real numbers or the hyperparameter is a real number by its nature, as ``lr`` is.
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
RangeSpec = Value | Sequence[Value]


@dataclass(frozen=True)
class Choice:
    """A choice among values; a single value is fixed and not searched.

    Attributes:
        values: The values.
    """

    values: tuple[Value, ...]

    @property
    def fixed(self) -> bool:
        """Whether there is only one value, so nothing to search."""
        return len(self.values) == 1

    def distribution(self) -> BaseDistribution:
        """Return the range as a distribution of Optuna."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def holds(self, value: Value) -> bool:
        """Return whether a value is a choice; ``1`` equals ``1.0``, but ``True`` does not."""
        return any(
            value == choice and _is_bool(value) == _is_bool(choice) for choice in self.values
        )

    def __str__(self) -> str:
        return ",".join(map(str, self.values))


@dataclass(frozen=True)
class Interval:
    """The numbers from ``low`` to ``high``, both included.

    Attributes:
        low: The smallest number.
        high: The largest number.
        log: Whether the interval is searched on a logarithmic scale.
        integer: Whether it contains only integers.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    @property
    def fixed(self) -> bool:
        """Whether there is only one value, so nothing to search."""
        return False

    def distribution(self) -> BaseDistribution:
        """Return the range as a distribution of Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.integer:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def holds(self, value: Value) -> bool:
        """Return whether a value is a number in the interval."""
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
# How a net is executed, for any net; part of a trial's prm only on request.
EXECUTION: dict[str, Range] = {
    "precision": Choice(("fp32", "bf16")),
    "compile": Choice((False, True)),
    "channels_last": Choice((False, True)),
}
# How the learning rate changes, for nets with a scheduler; part of a trial's prm only on request.
_DECAY = Interval(0.0, 1.0)
SCHEDULE: dict[str, Range] = {
    "scheduler_epochs": Interval(1, 100, integer=True),
    "gamma": _DECAY,
}
FINITE_SCHEDULERS = frozenset({"cosine", "onecycle"})
"""Schedulers that reach their last learning rate after ``scheduler_epochs`` epochs."""
# Hyperparameters that are real numbers, whatever range a net declares.
_REAL = ("lr", "momentum", "dropout", "weight_decay")
_SCORES = ("accuracy", "validation", "loss", "predicted")
# Hyperparameters searched as powers of two even if ``2^`` is not written, as LEMUR does.
_POWERS = ("batch",)
# No optimizer or layer accepts values outside these limits.
_LIMITS = {
    "lr": Interval(0.0, math.inf),
    "momentum": Interval(0.0, 1.0),
    "dropout": Interval(0.0, 1.0),
    "batch": Interval(1, math.inf, integer=True),
    "scheduler_epochs": Interval(1, math.inf, integer=True),
}

_NUMBER = r"(?:2\^\d{1,3}|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_INTERVAL = re.compile(rf"({_NUMBER})\.\.({_NUMBER})((?:\s+(?:log|int))*)")
_TUPLE = re.compile(rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")
_POWER = re.compile(r"2\^(\d{1,3})")


def parse_range(name: str, text: RangeSpec, like: Range | None = None) -> Range:
    """Parse a range.

    Args:
        name: Name of the hyperparameter, for error messages and because ``batch`` is always a
            power of two.
        text: A range in the notation of this module; a list contains the values to choose from, a
            tuple of two numbers, also as text, the ends of a range, and any other value that is not
            text is fixed.
        like: The range to replace, from which ``log`` and ``int`` are inherited.

    Raises:
        SpaceError: The range cannot be parsed, is empty, has its ends in the wrong order, has
            decimal commas, or is invalid for the hyperparameter, for example a momentum above 1.

    >>> parse_range("lr", "1e-4..1e-1", Interval(1e-5, 1, log=True))
    Interval(low=0.0001, high=0.1, log=True, integer=False)
    >>> parse_range("layers", (1, 8)) == parse_range("layers", "(1, 8)")
    True
    >>> parse_range("layers", (1, 8))
    Interval(low=1.0, high=8.0, log=False, integer=True)
    >>> parse_range("batch", "2^4..2^6")
    Choice(values=(16, 32, 64))
    >>> parse_range("optimizer", "sgd,adam")
    Choice(values=('sgd', 'adam'))
    """
    parsed = _read(name, text, like)
    check_range(name, text, parsed)
    return parsed


def check_range(name: str, text: RangeSpec, parsed: Range) -> None:
    """Raise `SpaceError` if a range parsed from a text has values invalid for a hyperparameter."""
    if name in _LIMITS:
        _check_limits(name, text, parsed, _LIMITS[name])
    if name in EXECUTION:
        _check_execution(name, text, parsed)


def _read(name: str, text: RangeSpec, like: Range | None) -> Range:
    if isinstance(text, str):
        text = _tuple_in(name, text.strip())
    if isinstance(text, tuple) and len(text) == 2 and all(map(_is_number, text)):
        text = _tuple_text(name, text, like)
    if not isinstance(text, str):
        return _listed(name, text)
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


def _listed(name: str, value: RangeSpec) -> Choice:
    values = value if isinstance(value, list | tuple) else (value,)
    refuse_decimal_text(name, value, [text for text in values if isinstance(text, str)])
    return _choice(name, value, values)


def _tuple_in(name: str, text: str) -> RangeSpec:
    """Return the tuple of two numbers that a text is; any other text unchanged."""
    match = _TUPLE.fullmatch(text)
    if match is None:
        return text
    low, high = match.groups()
    for end in (low, high):
        refuse_decimal_comma(name, end)
    if low.startswith("2^") and high.startswith("2^"):
        return f"{low}..{high}"
    return read_value(low), read_value(high)


def _tuple_text(name: str, ends: Sequence[Value], like: Range | None) -> str:
    """Return the text of the range between two numbers."""
    # The ends of numpy's types have another repr.
    low, high = (end if isinstance(end, int) else float(end) for end in ends)
    are_integers = isinstance(low, int) and isinstance(high, int)
    if are_integers and name not in (*_REAL, *_POWERS) and not isinstance(like, Interval):
        return f"{low}..{high} int"
    return f"{low}..{high}"


def check_values(name: str, text: str) -> None:
    """Raise `SpaceError` if values of a hyperparameter or score seem to have decimal commas."""
    refuse_decimal_comma(name, text, DEFAULT_RANGE.holds if name in _SCORES else _plausible(name))


def _plausible(name: str, like: Range | None = None) -> Plausible | None:
    """Return a test for usual real values of a hyperparameter; None if it is not a real number."""
    like = like or DEFAULT_RANGES.get(name)
    if isinstance(like, Interval):
        return None if like.integer else like.holds
    takes_reals = like is not None and any(isinstance(value, float) for value in like.values)
    return DEFAULT_RANGE.holds if takes_reals or name in _REAL else None


def net_space(supported: Iterable[str] | Mapping[str, RangeSpec]) -> Space:
    """Return the search space that a net declares, with ``batch`` added.

    Args:
        supported: The result of the net's ``supported_hyperparameters()``: names, or ranges by
            name.

    Raises:
        SpaceError: A range cannot be parsed.
    """
    declared = supported if isinstance(supported, Mapping) else {}
    space: Space = {"batch": DEFAULT_RANGES["batch"]}
    # Sorted because a set has no order, and the order determines what a seeded sampler draws.
    for name in declared or sorted(supported):
        default = DEFAULT_RANGES.get(name)
        space[name] = (
            parse_range(name, declared[name], default) if declared else default or DEFAULT_RANGE
        )
    space.pop("transform", None)
    return space


def override(space: Space, ranges: Mapping[str, RangeSpec]) -> Space:
    """Return a space with some ranges replaced.

    Args:
        space: The space.
        ranges: Ranges by hyperparameter; those that are neither in the space nor optional for it
            are ignored.

    Raises:
        SpaceError: A range cannot be parsed.
    """
    added = {name: default for name, default in optional_of(space).items() if name in ranges}
    space = space | added
    changed = {
        name: parse_range(name, text, space[name]) for name, text in ranges.items() if name in space
    }
    # A net can declare a different hyperparameter of this name, for example of its loss.
    if "gamma" in added:
        _check_limits("gamma", ranges["gamma"], changed["gamma"], _DECAY)
    return space | changed


def optional_of(space: Space) -> Space:
    """Return the ranges of hyperparameters that a space does not have unless requested."""
    optional = EXECUTION | (SCHEDULE if "scheduler" in space else {})
    return {name: default for name, default in optional.items() if name not in space}


def fixed(space: Space) -> dict[str, Value]:
    """Return the values of the hyperparameters that have only one, so are not searched."""
    return {
        name: choice.values[0]
        for name, choice in space.items()
        if isinstance(choice, Choice) and choice.fixed
    }


def searched(space: Space) -> dict[str, str]:
    """Return the ranges of the hyperparameters that are searched, as text."""
    return {name: str(choices) for name, choices in space.items() if not choices.fixed}


def check_used(names: Iterable[str], spaces: Collection[Space]) -> None:
    """Raise `SpaceError` for a name that no net of the campaign has."""
    known = sorted({name for space in spaces for name in space})
    for name in names:
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
            f"{name}={text}: {end} is not a power of two; "
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
            f"{name}={text}: is searched on a logarithmic scale, so it must start above 0; "
            f"to try 0 alone, write {name}=0"
        )
    if interval.integer and not (interval.low.is_integer() and interval.high.is_integer()):
        raise SpaceError(f"{name}={text}: expected integers")


def _check_limits(name: str, text: RangeSpec, parsed: Range, limits: Interval) -> None:
    ends = parsed.values if isinstance(parsed, Choice) else (parsed.low, parsed.high)
    # The ends of an interval of integers are floats.
    any_type = not limits.integer or (isinstance(parsed, Interval) and parsed.integer)
    for end in ends:
        if not (limits.holds(end) and (any_type or isinstance(end, int))):
            kind = "an integer" if limits.integer else "a number"
            most = "or more" if limits.high == math.inf else f"to {limits.high:g}"
            raise SpaceError(f"{name}={text}: expected {kind}, {limits.low:g} {most}")


def _check_execution(name: str, text: RangeSpec, parsed: Range) -> None:
    values = parsed.values if isinstance(parsed, Choice) else ("..",)
    if not all(EXECUTION[name].holds(value) for value in values):
        known = str(EXECUTION[name]).lower().replace(",", " or ")
        raise SpaceError(f"{name}={text}: expected {known}")


def _number(text: str) -> float:
    power = _POWER.fullmatch(text)
    return float(2 ** int(power[1])) if power else float(text)


def _choice(name: str, text: RangeSpec, values: Iterable[Value]) -> Choice:
    choice = Choice(tuple(values))
    if not choice.values or not all(map(_usable, choice.values)):
        raise _unreadable(name, text)
    return choice


def read_value(text: str) -> Value:
    """Return the number, bool or power of two that a text represents, or the text itself."""
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


def _unreadable(name: str, text: RangeSpec) -> SpaceError:
    return SpaceError(
        f"{name}={text}: expected a value, values a,b, or a range lo..hi, as in "
        "1e-4..1e-1, 2^4..2^7, '1..8 int' or '1e-6..1e-3 log'"
    )
