"""``lemur zoo``: the group of commands."""

from __future__ import annotations

import click


@click.group()
def zoo() -> None:
    """Make and read model zoos: populations of nets with the weights of every epoch."""
