"""Decimal commas: ``0,5`` that is meant as 0.5 must not be read as the values 0 and 5.

A comma separates values, and many people write their decimals with one. Text is refused where the
decimal reading is likely; a space after the comma, ``0, 5``, always makes a list.
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
    """Raise an error where commas between values are likely to be decimal commas.

    Numbers with a leading zero, ``0,001`` among them, are always refused.

    Args:
        name: What the values are of, for the error.
        text: Values separated by commas.
        plausible: Whether a number is one that the name usually has; None where the name does not
            stand for a real number, so that ``0,1`` and ``3,5`` are lists.

    Raises:
        SpaceError: Some are.

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


def refuse_decimal_text(name: str, given: object, texts: Sequence[str]) -> None:
    """Raise an error where one of some texts, each a value, is a number with a decimal comma.

    Raises:
        SpaceError: One is.
    """
    for text in filter(_DECIMAL.fullmatch, texts):
        raise SpaceError(f"{name}={given}: {text!r} has a decimal comma; write {_point(text)}")


def _is_decimal(group: Sequence[str], plausible: Plausible, several: bool) -> bool:
    """Return whether what is between spaces is rather decimals than a list of numbers."""
    text = ",".join(group)
    if _GROUPED.fullmatch(text):
        return True
    if _DECIMAL.fullmatch(text):
        # Of zero and a small number in one list, as in 0,1e-4, nothing else can be meant.
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
    """Return a number as Python would print it; what is none, as it is."""
    for read in (int, float):
        try:
            return str(read(part))
        except ValueError:
            continue
    return part


def _decimals(group: Sequence[str]) -> list[str]:
    """Return the numbers that pairs of parts stand for; an empty one where there are no pairs."""
    parts = [part.strip() for part in group]
    if len(parts) % 2:
        return [""]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    # In 1,000.5 the comma separates thousands.
    return [whole + rest if "." in rest else _point(f"{whole},{rest}") for whole, rest in pairs]
