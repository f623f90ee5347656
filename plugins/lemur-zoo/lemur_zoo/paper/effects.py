"""Whether effects have the order that they have in the paper."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lemur_core.errors import LemurError, MissingDataError
from lemur_zoo.paper.own_zoos import dispute_of
from lemur_zoo.paper.published import PAPER, Cell, S, W
from lemur_zoo.paper.rows import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lemur_analysis.papers.paper import Claim
    from lemur_zoo.paper.own_zoos import OwnZoos
    from lemur_zoo.paper.rows import ZooRow
    from lemur_zoo.sparse.twins import SparseTwins

KINDS = ("seed", "hyp-10-rand", "hyp-10-fix")
TWIN_EPOCHS = 25
"""Epochs of the sparse twins in the paper."""


def effect_claims(zoos: OwnZoos, row: Callable[[str], ZooRow]) -> Iterator[Claim]:
    """Yield whether effects have the order that the paper has, of each family that has a zoo."""
    from lemur_analysis.papers.paper import Claim

    families = {
        name.removesuffix("-seed"): None
        for name in PAPER
        if name.endswith("-seed") and "resnet" not in name
    }
    own = [name for name in families if any(f"{name}-{kind}" in zoos.names for kind in KINDS)]
    for family in own or ["mnist"]:
        seed, rand, fix = (f"{family}-{kind}" for kind in KINDS)
        effects = [
            (
                f"{family}: members of the seed zoo agree most", "table 2", (seed, rand, fix),
                partial(_agrees_most, row, (seed, rand, fix)),
            ),
            *(
                (
                    f"{name}: s(w) predicts the accuracy better than w", "table 3", (name,),
                    partial(_statistics_better, row, name),
                )
                for name in (seed, rand)
            ),
            (
                f"{family}: w predicts the initialisation better where seeds are fixed", "table 3",
                (rand, fix), partial(_fixed_better, row, rand, fix),
            ),
        ]  # fmt: skip
        for text, where, names, compute in effects:
            dispute = "; ".join(filter(None, (dispute_of(name, zoos) for name in names)))
            yield Claim(text, where, "yes", compute, dispute=dispute)


def _agrees_most(row: Callable[[str], ZooRow], names: tuple[str, ...]) -> str:
    # The seed zoo is compared with those of its family that are there.
    seed, *others = names
    first = _cell(row, Cell(2, seed, "agreement"))
    compared = []
    for name in others:
        try:
            compared.append(_cell(row, Cell(2, name, "agreement")))
        except MissingDataError as error:
            missing = error
    if not compared:
        raise missing
    return _yes(all(first > other for other in compared))


def _statistics_better(row: Callable[[str], ZooRow], name: str) -> str:
    weights, statistics = (_cell(row, Cell(3, name, "test accuracy", each)) for each in (W, S))
    return _yes(statistics > weights)


def _fixed_better(row: Callable[[str], ZooRow], rand: str, fix: str) -> str:
    random, fixed = (_cell(row, Cell(3, name, "init", W)) for name in (rand, fix))
    return _yes(fixed > random)


def _cell(row: Callable[[str], ZooRow], cell: Cell) -> float:
    return value_of(partial(row, cell.zoo), cell, 0)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def twin_claims(zoos: OwnZoos) -> Iterator[Claim]:
    """Yield how sparse the twins of mnist-seed are, and how much accuracy they lose, in percent."""
    from lemur_analysis.papers.paper import Claim

    name = "mnist-seed"
    dispute = _twin_dispute(zoos, name)
    for text, published, tolerance, compute in (
        ("sparsity of the sparse twins", 80.0, 5.0, _sparsity),
        ("accuracy that the sparse twins lose", 2.0, 1.0, _lost_accuracy),
    ):
        yield Claim(
            f"{name}: {text}", "sparse twins", published, partial(_of_twins, zoos, name, compute),
            tolerance, "printed as about that", dispute,
        )  # fmt: skip


def _of_twins(zoos: OwnZoos, name: str, compute: Callable[[SparseTwins], float]) -> float:
    twins = _twins(zoos, name)
    if twins.last_epochs.min() < max(1, twins.last_epochs.max()):
        raise MissingDataError(
            f"{name}: its sparse twins are trained for {twins.last_epochs.min()} to "
            f"{twins.last_epochs.max()} epochs; finish them with lemur zoo sparsify"
        )
    return 100 * compute(twins)


def _twins(zoos: OwnZoos, name: str) -> SparseTwins:
    from lemur_zoo.sparse.twins import SparseTwins

    zoo = zoos.zoo(name)
    try:
        return SparseTwins(zoo)
    except LemurError as error:
        raise MissingDataError(str(error)) from error


def _sparsity(twins: SparseTwins) -> float:
    return sum(map(twins.sparsity, range(len(twins)))) / len(twins)


def _lost_accuracy(twins: SparseTwins) -> float:
    accuracies = twins.scores[:, :, 2, 1]
    last = accuracies[range(len(twins)), twins.last_epochs]
    return float((accuracies[:, 0] - last).mean())


def _twin_dispute(zoos: OwnZoos, name: str) -> str:
    try:
        twins = _twins(zoos, name)
    except MissingDataError:
        return ""
    epoch, plan = int(twins.last_epochs.min()), twins.header.plan
    state = (
        f"{len(twins):,} of {len(twins.zoo):,} twins, after epoch {epoch} of {TWIN_EPOCHS}, with "
        f"--kl-weight {plan.kl_weight:g} --warm-up {plan.warm_up} --variance-lr "
        f"{plan.variance_lr:g}"
    )
    return "; ".join(filter(None, (dispute_of(name, zoos), state)))
