"""Data sets cut down, as their names say: ``cifar-10[samples=1000]``, ``digits[classes=3,seed=1]``.

========  ==================================================================================
classes   so many of the data set's classes, drawn at random; they are numbered anew, in the
          same order
samples   so many training samples, of which the validation split is held out as ever
test      so many test samples
seed      what all of this is drawn by; 0 if it is not said
========  ==================================================================================

A restriction is the same everywhere; each class keeps its share, and of two that differ in
``samples`` or ``test`` only, the smaller is a part of the greater.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from lemur_core.errors import PatternError, hint

_RESTRICTED = re.compile(r"(?P<dataset>[^\[\]]*)\[(?P<limits>[^\[\]]*=[^\[\]]*)\]")


@dataclass(frozen=True)
class Restriction:
    """What a data set is cut down to; None leaves that whole."""

    classes: int | None = None
    samples: int | None = None
    test: int | None = None
    seed: int = 0

    def __str__(self) -> str:
        limits = [
            f"{one.name}={getattr(self, one.name)}"
            for one in fields(self)
            if getattr(self, one.name) != one.default
        ]
        return f"[{','.join(limits)}]" if limits else ""


NONE = Restriction()


def split(name: str) -> tuple[str, Restriction]:
    """Return a data set's own name, and what it is cut down to.

    Raises:
        PatternError: The restriction cannot be read.

    >>> split("cifar-10[samples=1000]")
    ('cifar-10', Restriction(classes=None, samples=1000, test=None, seed=0))
    >>> split("mnist")[0]
    'mnist'
    """
    match = _RESTRICTED.fullmatch(name)
    if match is None:
        return name, NONE
    limits = dict(_limit(name, text) for text in match["limits"].split(","))
    if set(limits) == {"seed"}:
        raise PatternError(f"data set {name!r}: a seed alone restricts nothing; say samples=N too")
    return match["dataset"], Restriction(**limits)


def canonical(name: str) -> str:
    """Return a data set's name with its restriction written the one way it is recorded.

    >>> canonical("imagenet-1k[seed=0, classes=100]")
    'imagenet-1k[classes=100]'
    """
    dataset, restriction = split(name)
    return f"{dataset}{restriction}"


def _limit(name: str, text: str) -> tuple[str, int]:
    known = [one.name for one in fields(Restriction)]
    key, _, value = (part.strip() for part in text.partition("="))
    if key not in known:
        raise PatternError(f"data set {name!r}: unknown restriction {key!r}{hint(key, known)}")
    least = 2 if key in ("classes", "samples") else 0 if key == "seed" else 1
    if not value.isdecimal() or int(value) < least:
        raise PatternError(f"data set {name!r}: {key} is {value!r}; expected {least} or more")
    return key, int(value)
