"""Search by trying each combination of the values of a finite space once."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.space import Choice, Range, Space, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Combinations:
    """The combinations of a space's values, and which of them were taken.

    Args:
        space: The space.
        sampler: Name under which it was asked for, for errors.

    Raises:
        SettingsError: The space has a range of real numbers.
    """

    def __init__(self, space: Space, sampler: str) -> None:
        self._values = {name: _values(name, one, sampler) for name, one in space.items()}
        self._taken: set[int] = set()

    @property
    def total(self) -> int:
        """How many there are."""
        return math.prod(map(len, self._values.values()))

    @property
    def left(self) -> int:
        """How many were not taken."""
        return self.total - len(self._taken)

    def take(self, prm: Mapping[str, Value]) -> None:
        """Mark a combination as taken."""
        self._taken.add(self._index(prm))

    def release(self, prm: Mapping[str, Value]) -> None:
        """Mark a combination as not taken."""
        self._taken.discard(self._index(prm))

    def draw(self, seed: int) -> dict[str, Value] | None:
        """Return one that was not taken, drawn by a seed; None where all were."""
        if not self.left:
            return None
        drawn = random.Random(seed)
        # Where most are taken, there are few in all.
        if self.left < len(self._taken):
            return self._prm(drawn.choice([*({*range(self.total)} - self._taken)]))
        while (index := drawn.randrange(self.total)) in self._taken:
            pass
        return self._prm(index)

    def _index(self, prm: Mapping[str, Value]) -> int:
        index = 0
        for name, values in self._values.items():
            index = index * len(values) + values.index(prm[name])
        return index

    def _prm(self, index: int) -> dict[str, Value]:
        prm: dict[str, Value] = {}
        for name, values in reversed(self._values.items()):
            index, place = divmod(index, len(values))
            prm[name] = values[place]
        return {name: prm[name] for name in self._values}


def _values(name: str, one: Range, sampler: str) -> Sequence[Any]:
    if isinstance(one, Choice):
        return tuple(dict.fromkeys(one.values))
    if one.integer:
        return range(int(one.low), int(one.high) + 1)
    raise SettingsError(
        f"sampler {sampler!r} tries each combination of values, but {name} is a range, {one}; "
        f"list its values, as in --set {name}={one.low:g},{one.high:g}"
    )
