"""The names of the layers that a trial freezes, as part of its hyperparameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "freeze"
_SEPARATOR = ","


def as_hyperparameter(patterns: Iterable[str]) -> str:
    """Return patterns as one value, the same for any order of them.

    >>> as_hyperparameter(["stem", "blocks.0", "stem"])
    'blocks.0,stem'
    """
    return _SEPARATOR.join(sorted(set(patterns)))


def patterns_in(prm: Mapping[str, Any]) -> list[str]:
    """Return the patterns in hyperparameters; an empty list if nothing is frozen.

    >>> patterns_in({"lr": 0.1, "freeze": "blocks.0,stem"})
    ['blocks.0', 'stem']
    """
    value = prm.get(NAME)
    return value.split(_SEPARATOR) if isinstance(value, str) and value else []
