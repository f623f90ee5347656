"""``lemur twins explain``: where the nets of a twin part, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import data_option, print_line, print_text, text_table
from lemur_core.errors import SettingsError, UnknownNameError, error_text
from lemur_twins.cli.chosen import chosen
from lemur_twins.cli.values import values_in
from lemur_twins.frameworks import framework_named

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_twins.cli.chosen import Chosen
    from lemur_twins.divergence.causes import Explanation
    from lemur_twins.divergence.parting import QuantityDifference
    from lemur_twins.divergence.training_batches import TrainingBatches
    from lemur_twins.parity import Pair

EPILOG = """\b
Examples:
  lemur twins explain VGG-mini-BN --framework jax --dataset digits
  lemur twins explain VGG-mini --dataset digits --set optimizer=adam --set adam_epsilon=0.5
  lemur twins explain CNN-M --dataset cifar-10 --set lr=0.05 --steps 200"""


@click.command(epilog=EPILOG)
@click.argument("twin")
@click.option("--framework", metavar="NAME", help="The framework besides PyTorch.  [tensorflow]")
@click.option("--dataset", required=True, help="The dataset, which can be restricted.")
@click.option("--transform", help="The transform.  [norm_N, N as in the twin]")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A hyperparameter.")
@click.option("--match", default="none", help="Conventions that are PyTorch's already.  [none]")
@click.option("--batch", type=click.IntRange(2), default=32, help="Samples of a batch.  [32]")
@click.option("--steps", type=click.IntRange(1), default=20, help="Steps to compare.  [20]")
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of weights and order.  [0]")
@data_option
def explain(twin: str, framework: str | None, data: Path, **options: Any) -> None:
    """Find where the nets of TWIN part, and the conventions that cause it.

    Both nets begin with the same weights and see the same batches. Outputs of layers, losses,
    gradients, weights and running statistics are compared step by step, in units of the noise
    between PyTorch and itself: without oneDNN, and with another number of threads. Nets part at the
    first quantity that differs by 100 units.
    """
    from lemur_twins.conventions import Conventions
    from lemur_twins.divergence.causes import explain as explained
    from lemur_twins.divergence.training_batches import training_batches

    selected = chosen(twin, framework)
    # Before the framework is imported, which takes seconds.
    framework_named(selected.framework).check()
    Conventions(selected.framework, options["match"])
    _check_names(selected, values_in(options["values"]))
    given = training_batches(
        selected.nets[0].name,
        options["dataset"],
        options["transform"] or f"norm_{selected.twin.image[1]}",
        batch=options["batch"],
        steps=options["steps"],
        seed=options["seed"],
        data=data,
    )

    def pair_with(match: str) -> Pair:
        return _pair(selected, given, options, match)

    explanation = explained(
        pair_with, selected.framework, options["match"], given.batches, given.epoch_ends
    )
    _print(selected, explanation)


def _pair(selected: Chosen, given: TrainingBatches, options: dict[str, Any], match: str) -> Pair:
    from lemur_twins.parity import Pair

    # In its full size, for these images.
    twin = replace(selected.twin, image=given.image, classes=given.classes, prm={})
    values = values_in(options["values"]) | {"match": match, "batch": options["batch"]}
    try:
        return Pair(selected.nets, selected.framework, twin, values, options["seed"])
    # A net raises it if a hyperparameter has a value of another kind.
    except ValueError as error:
        raise SettingsError(f"the nets cannot be built: {error_text(error)}") from error


def _check_names(selected: Chosen, values: dict[str, Any]) -> None:
    """Check that the nets have the hyperparameters that are given."""
    from lemur_core.kinds.net import as_net
    from lemur_core.training import middle_prm

    net = selected.nets[0]
    known = {*middle_prm(as_net(net.load(), net.name))} - {"batch", "match", "transform"}
    for name in values:
        if name in ("batch", "match", "transform"):
            raise SettingsError(f"--set {name}=...: expected --{name} instead")
        if name not in known:
            raise UnknownNameError("hyperparameter", name, known)


def _print(selected: Chosen, explanation: Explanation) -> None:
    names = f"{selected.nets[0].name} and {selected.nets[1].name}"
    steps = f"{explanation.steps:,} step{'s' * (explanation.steps != 1)}"
    if explanation.causes:
        rows = [
            [*_place(cause.parting), " and ".join(cause.conventions) or "none explains it"]
            for cause in explanation.causes
        ]
        heads = ["part in step", "at the", "difference", "units of noise", "convention"]
        print_line(f"{names}, with the same weights and batches:")
        print_text(text_table(heads, rows))
    matched = "" if explanation.matched == "none" else f" with --match {explanation.matched}"
    if explanation.is_complete:
        units = explanation.largest.units if explanation.largest else 0.0
        print_line(
            f"{names} agree for {steps}{matched}: the largest difference is {units:.1f} times the "
            "noise"
        )
    else:
        print_line(
            f"{names} part{matched}: float noise that a kink amplifies, such as that of ReLU or "
            "max pooling, or a difference that is no known convention"
        )


def _place(parting: QuantityDifference) -> list[str]:
    return [
        f"{parting.step:,}",
        str(parting.quantity),
        f"{parting.apart:.1e}",
        f"{parting.units:,.0f}",
    ]
