"""Values of a space: which fit it, which are fixed, and which to take without a search."""

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

# Sets of drawn values that `covering` has at least.
_DRAWN = 3


def fits(space: Space, prm: Mapping[str, Value]) -> bool:
    """Return whether hyperparameters have exactly the names of a space, each within its range.

    >>> fits({"lr": Interval(0, 1), "act": Choice(("relu",))}, {"lr": 0.1, "act": "relu"})
    True
    >>> fits({"lr": Interval(0, 1)}, {"lr": 0.1, "act": "relu"})
    False
    """
    return prm.keys() == space.keys() and all(one.holds(prm[name]) for name, one in space.items())


def smallest(space: Space) -> dict[str, Value]:
    """Return each hyperparameter's least or first value, to build a net without a search."""
    return {
        name: one.values[0] if isinstance(one, Choice) else _least(one)
        for name, one in space.items()
    }


def central(space: Space) -> dict[str, Value]:
    """Return a value from the middle of each range, to train a net without a search.

    >>> central({"lr": Interval(1e-4, 1e-2, log=True), "batch": Choice((16, 32, 64, 128))})
    {'lr': 0.001, 'batch': 32}
    """
    return {
        name: _middle(one.values) if isinstance(one, Choice) else _mean(one)
        for name, one in space.items()
    }


def covering(space: Space, seed: int = 0) -> list[dict[str, Value]]:
    """Return hyperparameters that together hold every choice and both kinds of other values.

    The first has the greatest value of each interval and the last of each choice; the others have
    values that are drawn from the intervals, and the choices before.

    >>> covering({"act": Choice(("relu", "gelu", "silu"))})
    [{'act': 'silu'}, {'act': 'gelu'}, {'act': 'relu'}, {'act': 'silu'}]
    """
    drawn = Random(seed)
    counts = [len(one.values) for one in space.values() if isinstance(one, Choice)]
    return [
        {
            name: one.values[-1 - place % len(one.values)]
            if isinstance(one, Choice)
            else (_draw(one, drawn) if place else greatest(one))
            for name, one in space.items()
        }
        for place in range(max([_DRAWN + 1, *counts]))
    ]


def below(numbers: Range, value: float) -> Range | None:
    """Return the part of a range of numbers that is less than a value; None where nothing is.

    >>> below(Choice((16, 32, 64)), 64)
    Choice(values=(16, 32))
    """
    if isinstance(numbers, Choice):
        less = tuple(one for one in numbers.values if not isinstance(one, str) and one < value)
        return Choice(less) if less else None
    high = value - 1 if numbers.integer else math.nextafter(value, -math.inf)
    if high < numbers.low:
        return None
    return replace(numbers, high=min(high, numbers.high))


def greatest(numbers: Range) -> Value:
    """Return the greatest value of a range of numbers.

    >>> greatest(Choice((16, 64, 32)))
    64
    """
    if isinstance(numbers, Choice):
        return max(one for one in numbers.values if not isinstance(one, str))
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
    # Of words none lies between others.
    if any(isinstance(value, str | bool) for value in values):
        return values[0]
    return sorted(values, key=float)[(len(values) - 1) // 2]


def value_in(one: Range, value: object) -> Value | None:
    """Return a value as a range has it, read from its text if need be; None if it lies outside.

    >>> value_in(Interval(0.0, 1.0), 1), value_in(Interval(1, 8, integer=True), "4")
    (1.0, 4)
    >>> value_in(Choice(("relu", True)), "true"), value_in(Choice((16, 32)), 24)
    (True, None)
    """
    if not isinstance(value, bool | int | float | str):
        return None
    if isinstance(one, Choice) and isinstance(value, str) and value in one.values:
        return value
    # As spreadsheets and pandas write them.
    read = (
        read_value({"True": "true", "False": "false"}.get(value, value))
        if isinstance(value, str)
        else value
    )
    if not one.holds(read):
        return None
    if isinstance(one, Choice):
        return next(known for known in one.values if Choice((known,)).holds(read))
    assert not isinstance(read, str)
    return int(read) if one.integer else float(read)


def preset(space: Space, values: Mapping[str, Value]) -> Space:
    """Return a space in which some hyperparameters are fixed, those of an `Entry` for instance.

    Raises:
        SpaceError: The space has no hyperparameter of this name, or the value has no meaning.

    >>> preset({"width": Interval(1, 8, integer=True)}, {"width": 4})
    {'width': Choice(values=(4,))}
    """
    known = space | optional_of(space)
    for name, value in values.items():
        if name not in known:
            raise SpaceError(
                f"its entry fixes {name!r}, no hyperparameter of it{hint(name, sorted(known))}"
            )
        # As it is given: a text is no range here, whatever it holds.
        check_range(name, value, Choice((value,)))
    return space | {name: Choice((_typed(known[name], one),)) for name, one in values.items()}


def _typed(one: Range, value: Value) -> Value:
    """Return a value with the type that its range gives it, wherever it lies."""
    within = None if isinstance(value, str) else value_in(one, value)
    return value if within is None else within
