"""Hyperparameters and ranges that commands are given as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_twins.search.subspaces import Number

_RANGE = re.compile(r"(?P<low>[^.].*?)\.\.(?P<high>\S+)(?P<log> log)?")


def values_in(given: Sequence[str]) -> dict[str, Any]:
    """Return hyperparameters that are given as ``NAME=VALUE``; numbers where values are numbers.

    Raises:
        SettingsError: A text is not of this form.

    >>> values_in(["lr=0.1", "batch=32", "optimizer=adam"])
    {'lr': 0.1, 'batch': 32, 'optimizer': 'adam'}
    """
    return {name: _value(text) for name, text in _named(given, "NAME=VALUE")}


def ranges_in(given: Sequence[str]) -> dict[str, Number]:
    """Return ranges that are given as ``NAME=LOW..HIGH``, with ``log`` for a logarithmic scale.

    Raises:
        SettingsError: A text is not of this form, or its ends are in the wrong order.

    >>> ranges_in(["batch=16..128", "lr=1e-4..0.1 log"])["batch"]
    IntDistribution(high=128, log=False, low=16, step=1)
    """
    return {name: _range(name, text) for name, text in _named(given, "NAME=LOW..HIGH")}


def numbers_in(text: str, count: int) -> list[int]:
    """Return the numbers in a text such as ``0-7,12``, each below ``count``.

    Raises:
        SettingsError: The text is not of this form, or a number is too large.

    >>> numbers_in("0-2,5", 16)
    [0, 1, 2, 5]
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        last = last or first
        is_valid = first.strip().isdecimal() and last.strip().isdecimal()
        if not is_valid or not int(first) <= int(last) < count:
            raise SettingsError(f"{text!r}: expected numbers from 0 to {count - 1}, as in 0-7,12")
        numbers |= {*range(int(first), int(last) + 1)}
    return sorted(numbers)


def _named(given: Sequence[str], form: str) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise SettingsError(f"{text!r}: expected {form}")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _range(name: str, text: str) -> Number:
    from optuna.distributions import FloatDistribution, IntDistribution

    form = "expected LOW..HIGH, as in 1e-4..0.1 log, with the lower number first"
    match = _RANGE.fullmatch(text)
    low, high = (_value(match[end]) if match else "" for end in ("low", "high"))
    if isinstance(low, str) or isinstance(high, str) or not low < high:
        raise SettingsError(f"range {name}={text}: {form}")
    is_log = bool(match and match["log"])
    if is_log and low <= 0:
        raise SettingsError(f"range {name}={text}: a logarithmic scale begins above 0")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=is_log)
    return FloatDistribution(low, high, log=is_log)


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if value - value == 0:
            return value
    return text
