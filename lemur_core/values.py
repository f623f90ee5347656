"""Values from a search space: check, convert and fix them, or choose some without a search."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from lemur_core.errors import SpaceError, hint
from lemur_core.space import (
    Choice,
    Interval,
    Range,
    Space,
    Value,
    check_range,
    optional_of,
    read_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Minimum number of sets of randomly drawn values in `covering`.
_DRAWN = 3


def fits(space: Space, prm: Mapping[str, Value]) -> bool:
    """Return whether hyperparameters have exactly the names of a space and values in its ranges.

    >>> fits({"lr": Interval(0, 1), "act": Choice(("relu",))}, {"lr": 0.1, "act": "relu"})
    True
    >>> fits({"lr": Interval(0, 1)}, {"lr": 0.1, "act": "relu"})
    False
    """
    return prm.keys() == space.keys() and all(
        values.holds(prm[name]) for name, values in space.items()
    )


def smallest(space: Space) -> dict[str, Value]:
    """Return the minimum or first value of each range, to build a net without a search."""
    return {
        name: values.values[0] if isinstance(values, Choice) else _least(values)
        for name, values in space.items()
    }


def central(space: Space) -> dict[str, Value]:
    """Return the middle value of each range, to train a net without a search.

    >>> central({"lr": Interval(1e-4, 1e-2, log=True), "batch": Choice((16, 32, 64, 128))})
    {'lr': 0.001, 'batch': 32}
    """
    return {
        name: _middle(values.values) if isinstance(values, Choice) else _mean(values)
        for name, values in space.items()
    }


def covering(space: Space, seed: int = 0) -> list[dict[str, Value]]:
    """Return sets of hyperparameters that together contain every value of every choice.

    The first set has the maximum of each interval and the last value of each choice. The others
    have values drawn at random from the intervals, and the values of each choice in reverse order.

    >>> covering({"act": Choice(("relu", "gelu", "silu"))})
    [{'act': 'silu'}, {'act': 'gelu'}, {'act': 'relu'}, {'act': 'silu'}]
    """
    drawn = Random(seed)
    counts = [len(values.values) for values in space.values() if isinstance(values, Choice)]
    return [
        {
            name: values.values[-1 - index % len(values.values)]
            if isinstance(values, Choice)
            else (_draw(values, drawn) if index else greatest(values))
            for name, values in space.items()
        }
        for index in range(max([_DRAWN + 1, *counts]))
    ]


def below(numbers: Range, value: float) -> Range | None:
    """Return the part of a range of numbers below a value; None if it is empty.

    >>> below(Choice((16, 32, 64)), 64)
    Choice(values=(16, 32))
    """
    if isinstance(numbers, Choice):
        smaller = tuple(
            number for number in numbers.values if not isinstance(number, str) and number < value
        )
        return Choice(smaller) if smaller else None
    high = value - 1 if numbers.integer else math.nextafter(value, -math.inf)
    if high < numbers.low:
        return None
    return replace(numbers, high=min(high, numbers.high))


def greatest(numbers: Range) -> Value:
    """Return the maximum of a range of numbers.

    >>> greatest(Choice((16, 64, 32)))
    64
    """
    if isinstance(numbers, Choice):
        return max(number for number in numbers.values if not isinstance(number, str))
    return int(numbers.high) if numbers.integer else numbers.high


def _least(interval: Interval) -> Value:
    return int(interval.low) if interval.integer else interval.low


def _draw(interval: Interval, drawn: Random) -> Value:
    low, high = interval.low, interval.high
    if interval.log:
        value = math.exp(drawn.uniform(math.log(low), math.log(high)))
    else:
        value = drawn.uniform(low, high)
    value = min(max(value, low), high)
    return round(value) if interval.integer else value


def _mean(interval: Interval) -> Value:
    low, high = interval.low, interval.high
    mean = math.sqrt(low * high) if interval.log else (low + high) / 2
    return round(mean) if interval.integer else mean


def _middle(values: Sequence[Value]) -> Value:
    # Strings and bools have no middle.
    if any(isinstance(value, str | bool) for value in values):
        return values[0]
    return sorted(values, key=float)[(len(values) - 1) // 2]


def value_in(allowed: Range, value: object) -> Value | None:
    """Return a value, or the value parsed from text, with the type of a range; None if outside.

    >>> value_in(Interval(0.0, 1.0), 1), value_in(Interval(1, 8, integer=True), "4")
    (1.0, 4)
    >>> value_in(Choice(("relu", True)), "true"), value_in(Choice((16, 32)), 24)
    (True, None)
    """
    if not isinstance(value, bool | int | float | str):
        return None
    if isinstance(allowed, Choice) and isinstance(value, str) and value in allowed.values:
        return value
    # Spreadsheets and pandas write bools like this.
    read = (
        read_value({"True": "true", "False": "false"}.get(value, value))
        if isinstance(value, str)
        else value
    )
    if not allowed.holds(read):
        return None
    if isinstance(allowed, Choice):
        return next(choice for choice in allowed.values if Choice((choice,)).holds(read))
    assert not isinstance(read, str)
    return int(read) if allowed.integer else float(read)


def preset(space: Space, values: Mapping[str, Value]) -> Space:
    """Return a space with some hyperparameters fixed, for example those of an `Entry`.

    Raises:
        SpaceError: The space has no hyperparameter of a name, or a value is invalid for it.

    >>> preset({"width": Interval(1, 8, integer=True)}, {"width": 4})
    {'width': Choice(values=(4,))}
    """
    known = space | optional_of(space)
    for name, value in values.items():
        if name not in known:
            raise SpaceError(
                f"its entry fixes {name!r}, which is not one of its hyperparameters"
                f"{hint(name, sorted(known))}"
            )
        # A string is a value here, never parsed as a range.
        check_range(name, value, Choice((value,)))
    return space | {name: Choice((_typed(known[name], value),)) for name, value in values.items()}


def _typed(allowed: Range, value: Value) -> Value:
    """Return a value with the type of a range, whether or not it lies in the range."""
    within = None if isinstance(value, str) else value_in(allowed, value)
    return value if within is None else within
