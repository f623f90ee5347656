"""``lemur twins``: the group of commands."""

from __future__ import annotations

import click

from lemur_twins.cli.compare import compare
from lemur_twins.cli.conventions import conventions


@click.group()
def twins() -> None:
    """Compare the nets of twins, and list where frameworks differ."""


twins.add_command(compare)
twins.add_command(conventions)
