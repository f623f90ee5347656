"""LEMUR's long names of the search flags, which its users have in their scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

# Hyperparameter, LEMUR's name for it, the ends that LEMUR takes where one is not given, and how an
# end is written as a range.
_RANGES = (
    ("lr", "learning_rate", float, 1e-5, 1.0, "{}..{}"),
    ("momentum", "momentum", float, 0.0, 1.0, "{}..{}"),
    ("dropout", "dropout", float, 0.0, 0.5, "{}..{}"),
    ("batch", "batch_binary_power", int, 0, 12, "2^{}..2^{}"),
)
_SHORT = {"learning_rate": "-l", "momentum": "-m", "dropout": "-d", "batch_binary_power": "-b"}


def lemur_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--min_learning_rate`` and its like, which the help leaves out."""
    for _, name, kind, *_ in _RANGES:
        short = _SHORT[name]
        command = click.option(f"--min_{name}", type=kind, hidden=True)(command)
        command = click.option(short, f"--max_{name}", type=kind, hidden=True)(command)
    return click.option("-c", "--config", multiple=True, hidden=True)(command)


def take_aliases(given: dict[str, Any]) -> dict[str, Any]:
    """Return the flags with LEMUR's names turned into lemur's.

    Raises:
        click.UsageError: A hyperparameter is given both ways.
    """
    rest = dict(given)
    rest["patterns"] = (*rest["patterns"], *rest.pop("config"))
    for prm, name, _, low, high, form in _RANGES:
        ends = (rest.pop(f"min_{name}"), rest.pop(f"max_{name}"))
        if ends == (None, None):
            continue
        if rest[prm] is not None:
            raise click.UsageError(f"--{prm} and --min_{name}, --max_{name} exclude each other")
        least, most = (
            default if end is None else end for end, default in zip(ends, (low, high), strict=True)
        )
        rest[prm] = form.format(least, most)
    return rest
