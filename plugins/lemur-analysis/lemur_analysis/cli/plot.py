"""``lemur plot``: figures of recorded results, in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemur_core.commands import arguments_of, db_option, filter_options
from lemur_core.files import replacement, write_errors


@click.command()
@click.argument("kinds", nargs=-1, required=True, metavar="KIND[:OPTION=VALUE,...]...")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="figures",
    show_default=True,
    help="Folder for the figures.",
)
@filter_options
@db_option
def plot(kinds: tuple[str, ...], out: Path, db: str, **given: Any) -> None:
    """Draw figures of recorded results; lemur list figure names the kinds."""
    import matplotlib

    from lemur_core import data, installed
    from lemur_core.kinds.options import option_values, read_selection

    matplotlib.use("agg")
    selections = [read_selection("figure", kind) for kind in kinds]
    drawers = [installed().get("figure", one.name).load() for one in selections]
    options = [
        option_values("figure", draw, one) for draw, one in zip(drawers, selections, strict=True)
    ]
    frame = data(**arguments_of(db, given), db=db)
    with write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    for draw, selection, values in zip(drawers, selections, options, strict=True):
        path = out / f"{selection.name}.svg"
        _save(draw(frame, **values), path)
        click.echo(f"wrote {path}")


def _save(axes: Any, path: Path) -> None:
    import numpy as np
    from matplotlib import pyplot as plt

    drawn = np.atleast_1d(axes).ravel()[0].figure
    try:
        with replacement(path) as made:
            drawn.savefig(made, bbox_inches="tight")
    finally:
        plt.close(drawn)
