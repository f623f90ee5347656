"""The conventions that explain where two nets part."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_twins.conventions import CONVENTIONS, Conventions
from lemur_twins.divergence.parting import first_parting
from lemur_twins.divergence.sides import GRADIENT, LOSS, OUTPUT, STATISTIC, WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lemur_twins.divergence.parting import QuantityDifference
    from lemur_twins.parity import Pair

    Batch = tuple[Tensor, Tensor]

# The first quantity of a step that a convention changes. Initial weights and the order in which
# images are flattened change none: the compared nets begin with the same weights.
_CHANGES = {
    "adam-epsilon": WEIGHT,
    "adam-epsilon-hat": WEIGHT,
    "momentum-buffer": WEIGHT,
    "weight-decay": WEIGHT,
    "adamw-decay": WEIGHT,
    "batch-norm-epsilon": OUTPUT,
    "batch-norm-momentum": STATISTIC,
    "batch-norm-variance": STATISTIC,
    "group-norm-epsilon": OUTPUT,
    "layer-norm-epsilon": OUTPUT,
    "initialisers": None,
    "padding": OUTPUT,
    "flatten": None,
    "leaky-relu-slope": OUTPUT,
    "gelu": OUTPUT,
    "loss": LOSS,
}
_ORDER = (OUTPUT, LOSS, GRADIENT, WEIGHT, STATISTIC)


@dataclass(frozen=True)
class PartingCause:
    """Where two nets part, and why.

    Attributes:
        parting: The first quantity that differs.
        conventions: Names of the conventions that cause it: the one that moves the parting furthest
            if it is matched, or, if no single one moves it, as few as do together; empty if
            there are none.
        next_parting: Where the nets part once they are matched; None if they no longer do.
    """

    parting: QuantityDifference
    conventions: tuple[str, ...] = ()
    next_parting: QuantityDifference | None = None


@dataclass(frozen=True)
class Explanation:
    """The causes of the differences of two nets.

    Attributes:
        steps: The number of steps that were compared.
        causes: The causes, in the order in which they are found; each is found with the
            conventions of the earlier ones matched.
        matched: The hyperparameter ``match`` at the end.
        largest: The largest difference that noise explains, of the last comparison.
    """

    steps: int
    causes: Sequence[PartingCause] = field(default=())
    matched: str = "none"
    largest: QuantityDifference | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the nets agree within noise once the named conventions are matched."""
        return all(cause.conventions for cause in self.causes)


def explain(
    pair_with: Callable[[str], Pair],
    framework: str,
    match: str,
    batches: Sequence[Batch],
    epoch_ends: Sequence[int] = (),
) -> Explanation:
    """Find where two nets part, and match conventions until they no longer do.

    Args:
        pair_with: Returns the pair, newly built with the same weights, for a value of ``match``.
        framework: Name of the framework that is compared with PyTorch.
        match: The hyperparameter ``match`` with which the nets were trained.
        batches: The batches of the steps.
        epoch_ends: See `first_parting`.
    """
    comparison = _Comparison(pair_with, batches, epoch_ends)
    matched = frozenset(Conventions(framework, match).matched)
    parting, largest = comparison.parting(matched)
    causes: list[PartingCause] = []
    while parting is not None:
        conventions = comparison.cause(matched, parting)
        matched |= {*conventions}
        # Without a cause, the nets still part where they did.
        then, largest = comparison.parting(matched) if conventions else (None, largest)
        causes.append(PartingCause(parting, conventions, then))
        parting = then
    return Explanation(len(batches), tuple(causes), _text(matched), largest)


class _Comparison:
    """Compares a pair with several conventions matched; each comparison is made once."""

    def __init__(
        self,
        pair_with: Callable[[str], Pair],
        batches: Sequence[Batch],
        epoch_ends: Sequence[int],
    ) -> None:
        self._pair_with, self._batches, self._ends = pair_with, batches, epoch_ends
        self._known: dict[
            frozenset[str], tuple[QuantityDifference | None, QuantityDifference | None]
        ] = {}

    def parting(
        self, matched: frozenset[str]
    ) -> tuple[QuantityDifference | None, QuantityDifference | None]:
        """Return the result of `first_parting` with these conventions matched."""
        if matched not in self._known:
            pair = self._pair_with(_text(matched))
            self._known[matched] = first_parting(pair, self._batches, self._ends)
        return self._known[matched]

    def cause(self, matched: frozenset[str], parting: QuantityDifference) -> tuple[str, ...]:
        """Return the conventions that cause a parting; see `PartingCause`."""
        possible = [name for name in CONVENTIONS if name not in matched and _can_be(name, parting)]
        # A change that noise hid where it was made shows later.
        first = [name for name in possible if _CHANGES[name] == parting.quantity.kind]
        return self._cause_among(matched, parting, first) or self._cause_among(
            matched, parting, possible
        )

    def _cause_among(
        self, matched: frozenset[str], parting: QuantityDifference, tried: Sequence[str]
    ) -> tuple[str, ...]:
        furthest: tuple[str, ...] = ()
        place = _place(parting)
        for name in tried:
            then = _place(self.parting(matched | {name})[0])
            if then > place:
                furthest, place = (name,), then
            if place == _NEVER:
                break
        return furthest or self._together(matched, parting, tried)

    def _together(
        self, matched: frozenset[str], parting: QuantityDifference, tried: Sequence[str]
    ) -> tuple[str, ...]:
        """Return as few conventions as move a parting together; none if all do not move it."""
        kept = list(tried)
        if not self._move(matched, parting, kept):
            return ()
        for name in tried:
            others = [other for other in kept if other != name]
            if self._move(matched, parting, others):
                kept = others
        return tuple(kept)

    def _move(
        self, matched: frozenset[str], parting: QuantityDifference, names: Sequence[str]
    ) -> bool:
        return _place(self.parting(matched | {*names})[0]) > _place(parting)


def _can_be(convention: str, parting: QuantityDifference) -> bool:
    """Return whether a convention can be the cause of a parting."""
    changes, kind = _CHANGES[convention], parting.quantity.kind
    if changes is None:
        return False
    if changes == STATISTIC:
        # Training does not use them.
        return kind == STATISTIC
    return parting.step > 1 or _ORDER.index(changes) <= _ORDER.index(kind)


_NEVER = (math.inf, 0)


def _place(parting: QuantityDifference | None) -> tuple[float, int]:
    """Return when a parting comes, for comparisons."""
    return _NEVER if parting is None else (parting.step, parting.place)


def _text(matched: frozenset[str]) -> str:
    if matched >= CONVENTIONS.keys():
        return "all"
    return "+".join(name for name in CONVENTIONS if name in matched) or "none"
