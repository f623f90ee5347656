"""``lemur twins``: the group of commands."""

from __future__ import annotations

import click

from lemur_twins.cli.compare import compare
from lemur_twins.cli.conventions import conventions
from lemur_twins.cli.explain import explain
from lemur_twins.cli.search import search


@click.group()
def twins() -> None:
    """Compare the nets of twins, and search for and explain their differences."""


twins.add_command(compare)
twins.add_command(conventions)
twins.add_command(explain)
twins.add_command(search)
