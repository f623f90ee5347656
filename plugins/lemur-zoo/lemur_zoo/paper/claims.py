"""The claims of Model Zoos (Schürholt et al., NeurIPS 2022).

*Model Zoos: A Dataset of Diverse Populations of Neural Network Models*. What can be computed
without a zoo are the numbers of zoos, members and states, and the arithmetic of table 2. From zoos
of your own that have the names of published ones, the rows of tables 2 and 3 are computed, with the
published values beside them, and whether effects have the same order.
"""

from __future__ import annotations

from functools import cache, partial
from math import sqrt
from typing import TYPE_CHECKING

from lemur_zoo.paper.effects import effect_claims, twin_claims
from lemur_zoo.paper.own_zoos import OwnZoos
from lemur_zoo.paper.published import PAPER, published_values
from lemur_zoo.paper.rows import row_claims, row_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_analysis.papers.paper import Claim, Sources
    from lemur_zoo.paper.published import Cell, Printed

TWIN_EPOCHS = 25
PRINTED = "half a unit of the last digit printed"
SQUARES = "the formula has squares of distances; the values in the table are distances"


def claims(sources: Sources) -> Iterator[Claim]:
    """Yield the claims of the paper."""
    zoos, printed = OwnZoos(sources), published_values(sources.folder)
    yield from _counts()
    yield from _distances(printed)
    row = cache(partial(row_of, zoos, sources.datasets))
    known = [name for name in PAPER if any(cell.zoo == name for cell in printed)]
    for name in dict.fromkeys((*zoos.names, *known)):
        yield from row_claims(name, zoos, printed, partial(row, name))
    yield from effect_claims(zoos, row)
    yield from twin_claims(zoos)


def _counts() -> Iterator[Claim]:
    from lemur_analysis.papers.paper import Claim

    yield Claim("zoos", "table 1", 27, lambda: len(PAPER))
    yield Claim("members of all zoos", "table 1", 50_360, lambda: _members())
    yield Claim(
        "states of all zoos and their sparse twins, in millions", "abstract", 3.8,
        lambda: (_states() + TWIN_EPOCHS * _members()) / 1e6, 0.05, PRINTED,
    )  # fmt: skip


def _members() -> int:
    return sum(spec.members for spec in PAPER.values())


def _states() -> int:
    # CNN zoos keep the state before training, those of ResNet-18 do not.
    return sum(spec.members * (spec.epochs + (spec.net != "ResNet-18")) for spec in PAPER.values())


def _distances(printed: Mapping[Cell, Printed]) -> Iterator[Claim]:
    """Yield whether the l2 distances of table 2 follow from its cosine distances.

    Members have nearly the same length, so the distance of two is sqrt(2 * cosine distance).
    """
    from lemur_analysis.papers.paper import Claim

    for cell, value in printed.items():
        cosine = printed.get(cell._replace(measure="cosine distance"))
        if cell.measure != "l2 distance" or cosine is None or not cosine.mean:
            continue
        expected = 100 * sqrt(2 * cosine.mean / 100)
        # The cosine distance is rounded too.
        rounding = _half(value) + _half(cosine) * expected / (2 * cosine.mean)
        text = f"{cell.zoo}: l2 distance from the printed cosine distance"
        yield Claim(text, "table 2", value.mean, partial(float, expected), rounding, PRINTED)
        yield Claim(
            f"{text}, by the printed formula", "table 2", value.mean,
            partial(float, 2 * cosine.mean), rounding, PRINTED, SQUARES,
        )  # fmt: skip


def _half(value: Printed) -> float:
    return float(0.5 * 10.0**-value.digits)
