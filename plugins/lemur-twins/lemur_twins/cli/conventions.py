"""``lemur twins conventions``: where frameworks differ."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from lemur_core.commands import print_data, print_line
from lemur_core.errors import UnknownNameError
from lemur_twins.conventions import CONVENTIONS, Convention

EPILOG = """\b
Examples:
  lemur twins conventions
  lemur twins conventions adam-epsilon-hat
  lemur run --net CNN-S.tensorflow --dataset digits --metric acc --set match=adam-epsilon-hat"""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def conventions(names: tuple[str, ...], as_json: bool) -> None:
    """List the conventions in which frameworks differ, or those with a NAME.

    The hyperparameter match of a twin's net names those that are PyTorch's: all, none, names joined
    with +, or all-but- and such names.
    """
    chosen = [_convention(name) for name in names] or list(CONVENTIONS.values())
    if as_json:
        print_data(json.dumps([asdict(convention) for convention in chosen], indent=2) + "\n")
        return
    for convention in chosen:
        _print(convention)


def _convention(name: str) -> Convention:
    if name not in CONVENTIONS:
        raise UnknownNameError("convention", name, CONVENTIONS)
    return CONVENTIONS[name]


def _print(convention: Convention) -> None:
    print_line(f"{convention.name}: {convention.about}")
    print_line(f"  PyTorch  {convention.pytorch}")
    print_line(f"  JAX      {convention.jax}")
    print_line(f"  Keras    {convention.keras}")
    for source in convention.sources:
        print_line(f"  {source}")
