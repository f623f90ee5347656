"""``lemur spaces``: the group of commands."""

from __future__ import annotations

import click

from lemur_spaces.cli.report import report
from lemur_spaces.cli.sample import sample
from lemur_spaces.cli.study import study


@click.group()
def spaces() -> None:
    """Sample design spaces, and train their nets on several datasets."""


spaces.add_command(sample)
spaces.add_command(report)
spaces.add_command(study)
