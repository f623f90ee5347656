"""``lemur zoo dynamics``: how members move through the space of their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import print_line, print_text, text_table

if TYPE_CHECKING:
    from pandas import DataFrame


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--csv", type=click.Path(path_type=Path, dir_okay=False), help="Write all values to this file."
)
def dynamics(folder: Path, csv: Path | None) -> None:
    """Show how the members of the zoo in DIR move: speed, turns and curvature.

    Values are medians over the members. Distances are Euclidean, angles are in degrees.
    """
    from lemur_zoo.cli.tables import write_csv
    from lemur_zoo.dynamics import zoo_dynamics
    from lemur_zoo.storage.header import ZooError
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    frame = zoo_dynamics(zoo)
    if frame.empty:
        raise ZooError(f"zoo {zoo.name!r}: has no whole epoch; run lemur zoo extend {folder}")
    print_text(_table(frame))
    if csv is not None:
        write_csv(frame, csv)
        print_line(f"wrote {csv}")
    spec = zoo.spec
    least = max(2, min(20, zoo.epochs))
    print_line(
        f"next: lemur estimate replay --dataset {spec.dataset} --nn {spec.net} --least {least}"
    )


def _table(frame: DataFrame) -> str:
    medians = frame.drop(columns="member").groupby("epoch").median()
    last = int(medians.index.max())
    rows = [
        [str(epoch), *("" if value != value else f"{value:.4g}" for value in row)]
        for epoch, row in zip(medians.index, medians.to_numpy(), strict=True)
        if last <= 20 or epoch in {0, 1, 2, 5, last} or epoch % 10 == 0
    ]
    return text_table(["epoch", *medians.columns], rows)
