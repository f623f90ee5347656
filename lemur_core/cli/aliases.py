"""LEMUR's long names of the search flags, accepted because scripts use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

# Hyperparameter, LEMUR's name for it, type, LEMUR's default minimum and maximum, and the format of
# the range.
_RANGES = (
    ("lr", "learning_rate", float, 1e-5, 1.0, "{}..{}"),
    ("momentum", "momentum", float, 0.0, 1.0, "{}..{}"),
    ("dropout", "dropout", float, 0.0, 0.5, "{}..{}"),
    ("batch", "batch_binary_power", int, 0, 12, "2^{}..2^{}"),
)
_SHORT = {"learning_rate": "-l", "momentum": "-m", "dropout": "-d", "batch_binary_power": "-b"}


def lemur_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add LEMUR's options, for example ``--min_learning_rate``; the help does not show them."""
    for _, name, kind, *_ in _RANGES:
        short = _SHORT[name]
        command = click.option(f"--min_{name}", type=kind, hidden=True)(command)
        command = click.option(short, f"--max_{name}", type=kind, hidden=True)(command)
    return click.option("-c", "--config", multiple=True, hidden=True)(command)


def resolve_aliases(given: dict[str, Any]) -> dict[str, Any]:
    """Return the flags with LEMUR's names translated to lemur's.

    Raises:
        click.UsageError: A hyperparameter is given in both ways.
    """
    flags = dict(given)
    flags["patterns"] = (*flags["patterns"], *flags.pop("config"))
    for prm, name, _, low, high, form in _RANGES:
        ends = (flags.pop(f"min_{name}"), flags.pop(f"max_{name}"))
        if ends == (None, None):
            continue
        if flags[prm] is not None:
            raise click.UsageError(f"--{prm} and --min_{name}, --max_{name} exclude each other")
        minimum, maximum = (
            default if end is None else end for end, default in zip(ends, (low, high), strict=True)
        )
        flags[prm] = form.format(minimum, maximum)
    return flags
