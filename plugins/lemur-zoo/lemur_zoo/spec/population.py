"""The members that a specification means: their values, seeds and splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lemur_zoo.spec.spec import Range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_zoo.spec.spec import Value, ZooSpec

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
"""Shares of the members in each split of members."""
# What is drawn, each from a generator of its own.
_VALUES, _SEEDS, _SPLITS = range(3)
_LARGEST_SEED = 2**31


@dataclass(frozen=True)
class ZooMember:
    """A member of a zoo.

    Attributes:
        number: Its number, from 0.
        split: Its split among the members: ``train``, ``validation`` or ``test``.
        seed: Seed of its initial weights, the order of its samples and its dropout.
        values: The values of its factors by name.
    """

    number: int
    split: str
    seed: int
    values: Mapping[str, Value]


def members_of(spec: ZooSpec, first: int, count: int) -> list[ZooMember]:
    """Return members of a zoo.

    A member depends on its number and the specification alone, and its split also on the first and
    count of the members that were added together.

    Args:
        spec: The specification.
        first: Number of the first member.
        count: Number of members.
    """
    splits = _splits(spec.seed, first, count)
    return [
        ZooMember(number, split, _seed(spec, number), _values(spec, number))
        for number, split in enumerate(splits, first)
    ]


def _splits(seed: int, first: int, count: int) -> list[str]:
    train, validation = (round(SHARES[name] * count) for name in ("train", "validation"))
    sizes = (train, validation, count - train - validation)
    order = np.random.default_rng([seed, _SPLITS, first]).permutation(count)
    ordered = np.repeat(np.array([*SHARES]), sizes)
    names = np.empty_like(ordered)
    names[order] = ordered
    return [str(name) for name in names]


def _seed(spec: ZooSpec, number: int) -> int:
    if spec.seeds == "random":
        generator = np.random.default_rng([spec.seed, _SEEDS, number])
        return int(generator.integers(1, _LARGEST_SEED))
    return 1 + (number if spec.sample else number // spec.points)


def _values(spec: ZooSpec, number: int) -> dict[str, Value]:
    if spec.sample:
        generator = np.random.default_rng([spec.seed, _VALUES, number])
        return {name: _drawn(values, *generator.random(2)) for name, values in spec.factors.items()}
    sizes = [len(values) for values in spec.factors.values()]
    indices = np.unravel_index(number % spec.points, sizes)
    chosen = zip(spec.factors.items(), indices, strict=True)
    return {name: _plain(values[int(index)]) for (name, values), index in chosen}


def _drawn(values: Sequence[Value | Range], which: float, where: float) -> Value:
    value = values[int(which * len(values))]
    return value.at(where) if isinstance(value, Range) else value


def _plain(value: Value | Range) -> Value:
    assert not isinstance(value, Range), "a grid has no ranges"
    return value
