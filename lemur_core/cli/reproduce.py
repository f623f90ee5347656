"""``lemur reproduce``: a recorded trial once more, and whether its numbers are the same."""

from __future__ import annotations

from pathlib import Path

import click

from lemur_core.cli.options import data_option, db_option
from lemur_core.cli.output import print_line, print_lines


@click.command()
@click.argument("uid")
@click.option("--device", help="A torch device; as recorded, unless it is given.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="CPU threads; numbers hang on how many there were.",
)
@click.option(
    "--weights",
    metavar="FILE.safetensors",
    type=click.Path(path_type=Path),
    help="The weights that it began with, if it did not begin from scratch.",
)
@data_option
@db_option
@click.pass_context
def reproduce(
    context: click.Context,
    uid: str,
    device: str | None,
    threads: int,
    weights: Path | None,
    data: Path,
    db: str,
) -> None:
    """Train the trial whose id begins with UID again, from its recorded code, prm and seed.

    Nothing is recorded. Status 1 where a number is not the same, or the data is not.
    """
    from lemur_core.errors import DataChangedError
    from lemur_core.registry import installed
    from lemur_core.store.database import opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.stored_trial import read_stored_trial

    with opened(db) as engine:
        told = patiently(engine, lambda connection: read_stored_trial(connection, uid))

    import torch

    from lemur_core.reproduction.reproduce import reproduce as again

    torch.set_num_threads(threads)
    try:
        done = again(
            told,
            installed(),
            data,
            device,
            lambda epoch: print_line(f"epoch {epoch.number}: {epoch.accuracy:.4f}"),
            weights,
        )
    except DataChangedError as error:
        print_lines([str(error), "not the same"])
        context.exit(1)
    for one in done.differences:
        print_line(f"epoch {one.epoch}: {one.name} was {one.recorded!r}, is {one.again!r}")
    for line in done.changed:
        print_line(line)
    if done.outcome.reason:
        print_line(f"{done.outcome.state}: {done.outcome.reason}")
    print_line("the same" if done.same else "not the same")
    context.exit(0 if done.same else 1)
