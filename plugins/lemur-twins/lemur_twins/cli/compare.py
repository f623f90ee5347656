"""``lemur twins compare``: how the nets of a twin differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lemur_core.commands import print_line, print_text, text_table
from lemur_twins.cli.chosen import chosen
from lemur_twins.twin import LIBRARY

if TYPE_CHECKING:
    from lemur_core import Entry
    from lemur_twins.definitions import DefinitionDifference
    from lemur_twins.twin import Twin

_SHOWN = 2
EPILOG = """\b
Examples:
  lemur twins compare ResNet50-library
  lemur twins compare VGG-mini-BN --framework jax
  lemur twins compare VGG-mini-BN --framework jax --match all-but-batch-norm-variance"""


@click.command(epilog=EPILOG)
@click.argument("twin")
@click.option(
    "--framework",
    metavar="NAME",
    help="The framework that is compared with PyTorch.  [tensorflow, if the twin has it]",
)
@click.option(
    "--match",
    default="all",
    show_default=True,
    help="The conventions that are PyTorch's; see lemur twins conventions.",
)
def compare(twin: str, framework: str | None, match: str) -> None:
    """Compare the nets of TWIN in PyTorch and another framework.

    Of a twin that libraries define, print where its layers differ. Of any other, print how far
    outputs, gradients and a step of training are apart when both nets have the same weights.
    """
    selected = chosen(twin, framework)
    nets, target = selected.nets, selected.twin
    if target.definition == LIBRARY:
        _print_differences(nets, target, selected.framework)
    else:
        _print_parity(nets, target, selected.framework, match)


def _print_differences(nets: tuple[Entry, Entry], twin: Twin, framework: str) -> None:
    from lemur_twins.definitions import conventions_differing, define, differences

    pytorch, other = define(nets[0], "pytorch", twin), define(nets[1], framework, twin)
    differing = differences(pytorch, other)
    print_line(f"{nets[0].name} and {nets[1].name}, as libraries define them:")
    rows = [[row.kind, row.setting, *row.values, _layers(row)] for row in differing]
    print_text(text_table(["of", "what differs", "pytorch", framework, "layers"], rows))
    print_line(f"Training also differs: {', '.join(conventions_differing(framework))}")


def _layers(difference: DefinitionDifference) -> str:
    names = difference.layers
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _print_parity(nets: tuple[Entry, Entry], twin: Twin, framework: str, match: str) -> None:
    from lemur_twins.conventions import Conventions
    from lemur_twins.parity import measure

    # Before the framework is imported, which takes seconds.
    Conventions(framework, match)
    parity = measure(nets, framework, twin, {"match": match})
    print_line(f"{nets[0].name} and {nets[1].name}, with the same weights, match={match}:")
    rows = [
        ["parameters and buffers", "{:,} and {:,}".format(*parity.parameters)],
        ["outputs", f"{parity.outputs:.1e}"],
        ["gradients, relative to the largest", f"{parity.gradients:.1e}"],
        ["parameters after a step of SGD", f"{parity.sgd_step:.1e}"],
        ["parameters after a step of Adam", f"{parity.adam_step:.1e}"],
        ["running means and variances after a step", f"{parity.buffers:.1e}"],
    ]
    print_text(text_table(["largest difference of", framework], rows))
