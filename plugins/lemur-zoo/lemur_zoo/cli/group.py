"""``lemur zoo``: the group of commands."""

from __future__ import annotations

import click

from lemur_zoo.cli.connect import average, connect
from lemur_zoo.cli.convert import export, import_
from lemur_zoo.cli.dynamics import dynamics
from lemur_zoo.cli.embed import embed, sample_
from lemur_zoo.cli.make import extend, make
from lemur_zoo.cli.report import report
from lemur_zoo.cli.scores import scores, spectra
from lemur_zoo.cli.show import list_, show
from lemur_zoo.cli.sparsify import sparsify


@click.group()
def zoo() -> None:
    """Make and read model zoos: populations of nets with the weights of every epoch."""


zoo.add_command(make)
zoo.add_command(extend)
zoo.add_command(list_)
zoo.add_command(show)
zoo.add_command(report)
zoo.add_command(import_)
zoo.add_command(export)
zoo.add_command(sparsify)
zoo.add_command(dynamics)
zoo.add_command(connect)
zoo.add_command(average)
zoo.add_command(scores)
zoo.add_command(spectra)
zoo.add_command(embed)
zoo.add_command(sample_)
