"""Search a finite space by trying each combination of its values once."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.space import Choice, Range, Space, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Combinations:
    """The combinations of a space's values, and which of them are taken.

    Args:
        space: The space.
        sampler: Name of the sampler, for errors.

    Raises:
        SettingsError: The space has a range of real numbers.
    """

    def __init__(self, space: Space, sampler: str) -> None:
        self._values = {name: _values(name, spec, sampler) for name, spec in space.items()}
        self._taken: set[int] = set()

    @property
    def total(self) -> int:
        """The number of combinations."""
        return math.prod(map(len, self._values.values()))

    @property
    def left(self) -> int:
        """The number of combinations that are not taken."""
        return self.total - len(self._taken)

    def take(self, prm: Mapping[str, Value]) -> None:
        """Mark a combination as taken."""
        self._taken.add(self._index(prm))

    def release(self, prm: Mapping[str, Value]) -> None:
        """Mark a combination as not taken."""
        self._taken.discard(self._index(prm))

    def draw(self, seed: int) -> dict[str, Value] | None:
        """Return a combination that is not taken, drawn with a seed; None if all are taken."""
        if not self.left:
            return None
        generator = random.Random(seed)
        # If most are taken, listing the others is cheap.
        if self.left < len(self._taken):
            return self._prm(generator.choice([*({*range(self.total)} - self._taken)]))
        while (index := generator.randrange(self.total)) in self._taken:
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


def _values(name: str, spec: Range, sampler: str) -> Sequence[Any]:
    if isinstance(spec, Choice):
        return tuple(dict.fromkeys(spec.values))
    if spec.integer:
        return range(int(spec.low), int(spec.high) + 1)
    raise SettingsError(
        f"sampler {sampler!r} tries each combination of values, but {name} is a range, {spec}; "
        f"list its values, as in --set {name}={spec.low:g},{spec.high:g}"
    )
