"""Data sets as their names say: ``cifar-10[samples=1000]``, ``coco[categories=dog+person]``.

What is in the brackets cuts the data set down, or is an option of its loader. Any data set can be
cut down:

========  ==================================================================================
classes   so many of the data set's classes, drawn at random; they are numbered anew, in the
          same order
samples   so many training samples, of which the validation split is held out as ever
test      so many test samples
seed      what all of this is drawn by; 0 if it is not said
========  ==================================================================================

A restriction is the same everywhere; each class keeps its share, and of two that differ in
``samples`` or ``test`` only, the smaller is a part of the greater.

An option is a text whose meaning the loader knows; several are parted by ``+``, in any order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lemur_core.errors import PatternError, hint

if TYPE_CHECKING:
    from collections.abc import Collection

_RESTRICTED = re.compile(r"(?P<dataset>[^\[\]]*)\[(?P<limits>[^\[\]]*=[^\[\]]*)\]")
# A name of an option, and a value: neither parts a pipeline's name, or a folder's.
OPTION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VALUE = re.compile(r"[A-Za-z0-9.+-]+")
# No data set has so many samples; Python reads no number of thousands of digits.
_MOST_DIGITS = 15


@dataclass(frozen=True)
class Restriction:
    """What a data set is cut down to; None leaves that whole.

    Attributes:
        classes: So many classes.
        samples: So many training samples.
        test: So many test samples.
        seed: What they are drawn by.
        options: Of the loader, name and text, sorted by name.
    """

    classes: int | None = None
    samples: int | None = None
    test: int | None = None
    seed: int = 0
    options: tuple[tuple[str, str], ...] = ()

    @property
    def cuts(self) -> bool:
        """Whether anything is left out; options alone only say what the loader gives."""
        return any(one is not None for one in (self.classes, self.samples, self.test))

    def __str__(self) -> str:
        limits = [f"{name}={text}" for name, text in self.options] + [
            f"{one.name}={getattr(self, one.name)}"
            for one in fields(self)
            if one.name in LIMITS and getattr(self, one.name) != one.default
        ]
        return f"[{','.join(limits)}]" if limits else ""


NONE = Restriction()
LIMITS = ("classes", "samples", "test", "seed")


def split(name: str) -> tuple[str, Restriction]:
    """Return a data set's own name, and what is in the brackets after it.

    Raises:
        PatternError: The brackets cannot be read.

    >>> split("cifar-10[samples=1000]")[1].samples
    1000
    >>> split("coco[samples=50,categories=person+dog]")[1].options
    (('categories', 'dog+person'),)
    >>> split("mnist")[0]
    'mnist'
    """
    match = _RESTRICTED.fullmatch(name)
    if match is None:
        return name, NONE
    given: dict[str, str] = {}
    for text in match["limits"].split(","):
        key, _, value = (part.strip() for part in text.partition("="))
        if key in given:
            raise PatternError(f"data set {name!r}: {key} is said twice")
        given[key] = value
    limits = {key: _limit(name, key, given[key]) for key in given if key in LIMITS}
    if set(limits) == {"seed"}:
        raise PatternError(f"data set {name!r}: a seed alone restricts nothing; say samples=N too")
    options = [(key, _option(name, key, given[key])) for key in sorted(given) if key not in LIMITS]
    return match["dataset"], Restriction(**limits, options=tuple(options))


def canonical(name: str) -> str:
    """Return a data set's name with its brackets written the one way it is recorded.

    >>> canonical("imagenet-1k[seed=0, classes=100]")
    'imagenet-1k[classes=100]'
    """
    dataset, restriction = split(name)
    return f"{dataset}{restriction}"


def check_options(name: str, restriction: Restriction, options: Collection[str]) -> None:
    """Raise `PatternError` where a name gives an option that its loader does not have.

    Args:
        name: Of the data set, with its brackets.
        restriction: What is in them.
        options: Those that the loader has.
    """
    for key, _ in restriction.options:
        if key not in options:
            known = [*LIMITS, *options]
            raise PatternError(f"data set {name!r}: unknown restriction {key!r}{hint(key, known)}")


def _limit(name: str, key: str, value: str) -> int:
    least = 2 if key in ("classes", "samples") else 0 if key == "seed" else 1
    if not value.isdecimal() or len(value) > _MOST_DIGITS or int(value) < least:
        raise PatternError(f"data set {name!r}: {key} is {value!r}; expected {least} or more")
    return int(value)


def _option(name: str, key: str, value: str) -> str:
    if not OPTION.fullmatch(key):
        raise PatternError(
            f"data set {name!r}: {key!r} names nothing; expected {', '.join(LIMITS)} "
            "or an option of its loader"
        )
    if not _VALUE.fullmatch(value):
        raise PatternError(
            f"data set {name!r}: {key} is {value!r}; expected letters, digits and . - "
            "(+ between several)"
        )
    return "+".join(sorted(set(value.split("+"))))
