"""Detect decimal commas: ``0,5`` meant as 0.5 must not be parsed as the values 0 and 5.

A comma separates values, but many people also write decimals with a comma. Text is rejected if a
decimal comma is likely. With a space after the comma, as in ``0, 5``, it is always a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from lemur_core.errors import SpaceError

_LEADING_ZERO = re.compile(r"[+-]?0\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+,\d+")  # 1.000,5
_BETWEEN = re.compile(r",\s+|\s*;\s*")

Plausible = Callable[[float], bool]


def refuse_decimal_comma(name: str, text: str, plausible: Plausible | None = None) -> None:
    """Raise an error if commas between values are likely to be decimal commas.

    Numbers with a leading zero, as in ``0,001``, are always rejected.

    Args:
        name: Name of the hyperparameter or score, for the error message.
        text: Values separated by commas.
        plausible: Returns whether a number is a usual value; None if the values are not real
            numbers, so that ``0,1`` and ``3,5`` are lists.

    Raises:
        SpaceError: A decimal comma is likely.

    >>> refuse_decimal_comma("batch", "16,32")
    >>> refuse_decimal_comma("lr", "0, 1", lambda lr: 0 <= lr <= 1)
    """
    groups = [group.split(",") for group in _BETWEEN.split(text)]
    parts = [part.strip() for group in groups for part in group]
    several = len(groups) > 1
    if any(map(_LEADING_ZERO.fullmatch, parts)) or (
        plausible and any(_is_decimal(group, plausible, several) for group in groups)
    ):
        raise _error(name, text, groups)


def refuse_decimal_text(name: str, value: object, texts: Sequence[str]) -> None:
    """Raise an error if a text that is a single value is a number with a decimal comma.

    Args:
        name: Name of the hyperparameter, for the error message.
        value: What the user wrote, for the error message.
        texts: The texts, one value each.

    Raises:
        SpaceError: A text is a number with a decimal comma.
    """
    for text in filter(_DECIMAL.fullmatch, texts):
        raise SpaceError(f"{name}={value}: {text!r} has a decimal comma; write {_point(text)}")


def _is_decimal(group: Sequence[str], plausible: Plausible, several: bool) -> bool:
    """Return whether text without spaces is more likely decimals than a list of numbers."""
    text = ",".join(group)
    if _GROUPED.fullmatch(text):
        return True
    if _DECIMAL.fullmatch(text):
        # 0,1e-4 is the list of zero and a small number, unless other numbers follow.
        if group[0].strip("+-") == "0" and not _INTEGER.fullmatch(group[1]):
            return several
        return several or len(group[0].strip("+-")) == 1 or plausible(float(_point(text)))
    whole = [_INTEGER.fullmatch(part) is not None for part in group]
    pairs = [first for (first, _), both in zip(pairwise(group), pairwise(whole), strict=True)
             if all(both)]  # fmt: skip
    in_pairs = len(group) % 2 == 0 and all(whole)
    return not _is_monotone(group) and (in_pairs or "0" in pairs)


def _is_monotone(group: Sequence[str]) -> bool:
    try:
        numbers = [float(part) for part in group]
    except ValueError:
        return True
    return numbers in (sorted(set(numbers)), sorted(set(numbers), reverse=True))


def _point(text: str) -> str:
    return text.replace(".", "").replace(",", ".")


def _error(name: str, text: str, groups: Sequence[Sequence[str]]) -> SpaceError:
    values = [_read(part.strip()) for group in groups for part in group]
    if len(values) == 1:
        return SpaceError(f"{name}={text}: has a leading zero; write {values[0]}")
    decimals = [decimal for group in groups for decimal in _decimals(group)]
    point = ",".join(decimals) if all(decimals) else "a point"
    return SpaceError(
        f"{name}={text}: a comma separates values, so this would be {' and '.join(values)}; "
        f"write {point} for decimals, or '{', '.join(values)}' with spaces for these values"
    )


def _read(part: str) -> str:
    """Return a number as Python prints it; other text is returned unchanged."""
    for read in (int, float):
        try:
            return str(read(part))
        except ValueError:
            continue
    return part


def _decimals(group: Sequence[str]) -> list[str]:
    """Return the decimal numbers made of pairs of parts; ``[""]`` if their number is odd."""
    parts = [part.strip() for part in group]
    if len(parts) % 2:
        return [""]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    # In 1,000.5 the comma separates thousands.
    return [whole + tail if "." in tail else _point(f"{whole},{tail}") for whole, tail in pairs]
