"""The specification of a zoo."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK, METRIC = "img-classification", "acc"
"""Task and metric of all zoos."""
CROP, FLIP = "crop", "flip"
AUGMENTATIONS = (CROP, FLIP)
"""How training images can be changed at random."""
_OPTIONAL = ("width", "augment")
Value = float | int | str
"""The value of a factor."""


@dataclass(frozen=True)
class Range:
    """A range from which the value of a factor is drawn.

    Attributes:
        low: Smallest value.
        high: Largest value.
        log: Whether values are drawn on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """Return the value at a share of the range, 0 to 1."""
        if self.log:
            return math.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        return self.low * (1 - share) + self.high * share


@dataclass(frozen=True)
class ZooSpec:
    """What a zoo is made of.

    Attributes:
        name: Name of the zoo, and of its collection.
        dataset: Name of the dataset, with a restriction if it has one.
        net: Name of the net.
        factors: Values of each factor, in the order of `lemur_zoo.spec.factors.FACTORS`.
        px: Height and width of the images in pixels.
        channels: 1 for grey images, 3 for colour, 0 for those of the dataset.
        epochs: Number of epochs.
        validation: Number of training images that are held out for validation; None holds out a
            tenth, or takes the dataset's own validation split.
        repeats: Number of members of each combination of values.
        sample: Number of members whose values are drawn at random; 0 makes all combinations.
        seeds: ``fixed`` gives the repeats the seeds 1, 2, ...; ``random`` draws a seed for each
            member.
        seed: Seed of all that is drawn for the zoo: values, seeds and splits of members.
        start: Folder of a zoo from whose last states the members begin, in order and over again
            if this zoo has more members; empty for none.
        width: Value of the net's hyperparameter ``width``; 0 is the middle of its range.
        augment: How training images are changed at random: ``crop``, ``flip``, or both.
    """

    name: str
    dataset: str
    net: str
    factors: Mapping[str, tuple[Value | Range, ...]]
    px: int = 28
    channels: int = 0
    epochs: int = 50
    validation: int | None = None
    repeats: int = 1
    sample: int = 0
    seeds: str = "fixed"
    seed: int = 42
    start: str = field(default="")
    width: int = 0
    augment: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """Number of combinations of values."""
        return math.prod(len(values) for values in self.factors.values())

    @property
    def members(self) -> int:
        """Number of members."""
        return self.sample or self.points * self.repeats

    def to_json(self) -> dict[str, Any]:
        """Return the specification as JSON values, which `from_json` reads."""
        factors = {
            name: [asdict(value) if isinstance(value, Range) else value for value in values]
            for name, values in self.factors.items()
        }
        # What most zoos do not have is left out, so that their collections stay the same.
        others = {name: getattr(self, name) for name in _OPTIONAL if getattr(self, name)}
        value = {name: item for name, item in asdict(self).items() if name not in _OPTIONAL}
        return {**value, "factors": factors, **others}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ZooSpec:
        """Return the specification that `to_json` wrote."""
        factors = {
            name: tuple(Range(**item) if isinstance(item, dict) else item for item in values)
            for name, values in value["factors"].items()
        }
        augment = tuple(value.get("augment", ()))
        return cls(**{**value, "factors": factors, "augment": augment})
