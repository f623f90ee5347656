"""The interface of design spaces.

A space is an entry of the kind ``space``, registered with ``lemur_register_spaces``, whose target
is a `Space`: the name of a net, and functions that draw a design, say what is wrong with one, and
compute its complexity. A design is a mapping of the net's hyperparameters to values. Several spaces
can share a net, as AnyNetX and RegNetX do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from lemur_core import Entry
    from lemur_spaces.complexity import Complexity, Images

Value = int | float | str
Design = Mapping[str, Value]
"""Values of the hyperparameters of a net that describe its architecture."""

_DIGITS = 10


@dataclass(frozen=True)
class Space:
    """A design space: a net, and how its designs are drawn.

    Attributes:
        net: Name of the net. It fixes the hyperparameters that designs do not have.
        draw: Draws a design with a `random.Random`, which can be invalid; None if what was drawn
            is not a design of the space.
        fault: Returns why a design is invalid, as in ``stage 2: ...``; empty if it is valid.
        complexity: Returns the complexity of a valid design by formula, or raises
            `lemur_core.errors.MisfitError` if the images are too small for it.
        shared: The hyperparameters that a population can set for all of its designs, for example
            the stem, with their possible values.
        adjust: Returns the valid design that is closest to an invalid one, as the space defines it;
            the result can still be invalid. None if designs are never adjusted.
        shorten: Returns a smaller design, and how often each part of its net, by prefix of the
            names of its modules, occurs in the net of the design instead of once. Counting a net
            uses it to leave out repetitions. None if nothing is repeated.
    """

    net: str
    draw: Callable[[Random], Design | None]
    fault: Callable[[Design], str]
    complexity: Callable[[Design, Images], Complexity]
    shared: Mapping[str, Container[Value]] = field(default_factory=dict)
    adjust: Callable[[Design], Design] | None = None
    shorten: Callable[[Design], tuple[Design, Mapping[str, int]]] | None = None


def name_of(space: str, design: Design) -> str:
    """Return the name of a design: the space's, and digits of the SHA-256 of the design.

    >>> name_of("Towers", {"width": 8, "depth": 2})
    'Towers-7080162458'
    """
    text = json.dumps(design, sort_keys=True, separators=(",", ":"))
    return f"{space}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"


def details(entry: Entry) -> Iterator[str]:
    """Yield the lines that ``lemur show space`` adds for a space."""
    space: Space = entry.load()
    yield f"net         {space.net}"
    for name, values in space.shared.items():
        yield f"shared      {name}: {values_text(values)}"


def values_text(values: object) -> str:
    """Return the values of a shared hyperparameter as text.

    >>> values_text(range(1, 65)), values_text(("simple", "cifar"))
    ('1 to 64', 'simple or cifar')
    """
    if isinstance(values, range):
        return f"{values.start} to {values.stop - 1}"
    return " or ".join(map(str, values)) if isinstance(values, tuple) else str(values)
