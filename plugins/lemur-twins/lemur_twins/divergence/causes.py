"""The conventions that explain where two nets part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_twins.conventions import CONVENTIONS, Conventions
from lemur_twins.divergence.parting import first_parting
from lemur_twins.divergence.sides import GRADIENT, LOSS, OUTPUT, STATISTIC, WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from lemur_twins.divergence.parting import Difference
    from lemur_twins.parity import Pair

    Batch = tuple[Tensor, Tensor]

# The quantities in which a convention shows first. Initial weights and the order in which images
# are flattened are not among them: the compared nets begin with the same weights.
_SHOWN_IN = {
    "adam-epsilon": (WEIGHT,),
    "adam-epsilon-hat": (WEIGHT,),
    "momentum-buffer": (WEIGHT,),
    "weight-decay": (WEIGHT,),
    "adamw-decay": (WEIGHT,),
    "batch-norm-epsilon": (OUTPUT,),
    "batch-norm-momentum": (STATISTIC,),
    "batch-norm-variance": (STATISTIC,),
    "group-norm-epsilon": (OUTPUT,),
    "layer-norm-epsilon": (OUTPUT,),
    "padding": (OUTPUT,),
    "leaky-relu-slope": (OUTPUT, LOSS, GRADIENT),
    "gelu": (OUTPUT, LOSS, GRADIENT),
    "loss": (LOSS, GRADIENT),
}


@dataclass(frozen=True)
class Cause:
    """Where two nets part, and why.

    Attributes:
        parting: The first quantity that differs.
        convention: Name of the convention that moves the parting furthest if it is matched; None
            if no convention moves it.
        next_parting: Where the nets part once it is matched; None if they no longer do.
    """

    parting: Difference
    convention: str | None = None
    next_parting: Difference | None = None


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
    causes: Sequence[Cause] = field(default=())
    matched: str = "none"
    largest: Difference | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the nets agree within noise once the named conventions are matched."""
        return all(cause.convention is not None for cause in self.causes)


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
    matched = {*Conventions(framework, match).matched}
    parting, largest = first_parting(pair_with(_text(matched)), batches, epoch_ends)
    causes: list[Cause] = []
    while parting is not None:
        cause, found = _cause(pair_with, matched, parting, batches, epoch_ends)
        causes.append(cause)
        if cause.convention is None:
            break
        matched.add(cause.convention)
        parting, largest = cause.next_parting, found
    return Explanation(len(batches), tuple(causes), _text(matched), largest)


def _cause(
    pair_with: Callable[[str], Pair],
    matched: set[str],
    parting: Difference,
    batches: Sequence[Batch],
    epoch_ends: Sequence[int],
) -> tuple[Cause, Difference | None]:
    """Return the convention that moves a parting furthest, and the largest noise then."""
    best, noise = Cause(parting), None
    for convention in CONVENTIONS:
        shown_in = _SHOWN_IN.get(convention, ())
        if convention in matched or parting.quantity.kind not in shown_in:
            continue
        pair = pair_with(_text({*matched, convention}))
        then, largest = first_parting(pair, batches, epoch_ends)
        if then is None:
            return Cause(parting, convention), largest
        if _is_later(then, parting) and _is_later(then, best.next_parting or parting):
            best, noise = Cause(parting, convention, then), largest
    return best, noise


def _is_later(one: Difference, other: Difference) -> bool:
    return (one.step, one.place) > (other.step, other.place)


def _text(matched: set[str]) -> str:
    if matched >= CONVENTIONS.keys():
        return "all"
    return "+".join(name for name in CONVENTIONS if name in matched) or "none"
