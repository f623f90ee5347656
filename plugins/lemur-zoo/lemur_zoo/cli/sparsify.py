"""``lemur zoo sparsify``: train the sparse twins of a zoo's members."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import data_option, duration, print_line, print_text, text_table, warn

if TYPE_CHECKING:
    from lemur_zoo.sparse.sparsify import GroupReport
    from lemur_zoo.sparse.twins import SparseTwins


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=25,
    show_default=True,
    help="Epochs of variational dropout.",
)
@click.option(
    "--kl-weight",
    type=click.FloatRange(0, min_open=True),
    default=0.001,
    show_default=True,
    help="Weight of the divergence in the loss: a larger one gives sparser twins.",
)
@click.option(
    "--warm-up",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Epochs in which this weight rises from 0.",
)
@click.option(
    "--variance-lr",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    help="Learning rate of the variances, as a multiple of the member's.",
)
@click.option("--threads", type=click.IntRange(1), default=1, help="CPU threads.  [1]")
@click.option(
    "--engine",
    type=click.Choice(["auto", "lanes", "grouped"]),
    help="How twins are trained together.  [the fastest that can train the net]",
)
@click.option("--time", "time_limit", help="Begin no epoch after this time, e.g. 2h30m.")
@data_option
def sparsify(
    folder: Path,
    epochs: int,
    kl_weight: float,
    warm_up: int,
    variance_lr: float,
    threads: int,
    engine: str | None,
    time_limit: str | None,
    data: Path,
) -> None:
    """Train a sparse twin of each member of the zoo in DIR by variational dropout.

    A twin begins from the last state of its member, with the member's hyperparameters. Twins are
    stored in DIR/sparse: weights, log alpha, and accuracy and sparsity after each epoch. The same
    command continues what was interrupted.
    """
    from lemur_core.files import write_errors
    from lemur_zoo.cli.make import seconds_of
    from lemur_zoo.evaluation import zoo_images
    from lemur_zoo.sparse.figure import draw_trajectory
    from lemur_zoo.sparse.sparsify import choose_engine
    from lemur_zoo.sparse.sparsify import sparsify as train
    from lemur_zoo.sparse.twins import FOLDER, SparseTwins, TwinsPlan, has_twins, read_twins
    from lemur_zoo.storage.lock import locked
    from lemur_zoo.zoo import Zoo

    limit = seconds_of(time_limit)
    until = None if limit is None else time.monotonic() + limit
    zoo = Zoo(folder)
    images = zoo_images(zoo, data)
    plan = TwinsPlan(epochs, kl_weight, warm_up, variance_lr)
    before = read_twins(zoo).engine if has_twins(zoo) else ""
    chosen = choose_engine(zoo, engine or "")
    print_line(chosen.line)
    if before not in ("", chosen.name):
        warn(f"earlier epochs were trained with engine {before}, which rounds otherwise")
    with write_errors(folder):
        (folder / FOLDER).mkdir(exist_ok=True)
    with locked(folder / FOLDER):
        is_whole = train(zoo, images, plan, chosen, threads=threads, until=until, report=_print)
    if not is_whole:
        print_line("the time is over; the same command continues")
        return
    twins = SparseTwins(zoo)
    print_text(_table(twins))
    print_line(f"wrote {draw_trajectory(twins, folder / FOLDER)}")
    print_line(f"wrote {folder / FOLDER}")


def _print(report: GroupReport) -> None:
    print_line(
        f"group {report.group + 1} of {report.groups}, epoch {report.epoch} of {report.epochs}: "
        f"median sparsity {report.sparsity:.4f}, test {report.accuracy:.4f}, "
        f"{duration(report.seconds)}"
    )


def _table(twins: SparseTwins) -> str:
    frame = twins.trajectory
    rows = []
    epochs = int(frame["epoch"].max())
    for epoch in sorted({0, epochs // 4, epochs // 2, 3 * epochs // 4, epochs}):
        of_epoch = frame[frame["epoch"] == epoch]
        test, sparsity = of_epoch["test_accuracy"], of_epoch["sparsity"]
        numbers = (sparsity.median(), sparsity.min(), sparsity.max())
        accuracies = (test.median(), test.min(), test.max())
        rows.append([str(epoch), *(f"{number:.4f}" for number in (*numbers, *accuracies))])
    headers = ["epoch", "sparsity (median)", "min", "max", "test acc (median)", "min", "max"]
    return text_table(headers, rows)
