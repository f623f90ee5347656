"""``lemur twins search``: hyperparameters with which the nets of a twin differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lemur_core import dataset_named, installed
from lemur_core.commands import data_option, db_option, print_line
from lemur_twins.cli.chosen import chosen
from lemur_twins.cli.values import numbers_in, ranges_in, values_in
from lemur_twins.frameworks import framework_named
from lemur_twins.twin import METRIC, TASK

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_twins.cli.chosen import Chosen
    from lemur_twins.search.spec import TwinSearch

EPILOG = """\b
Examples:
  lemur twins search VGG-mini --framework jax --dataset digits
  lemur twins search VGG-mini --framework jax --dataset digits --range epochs=1..8 --trials 10
  lemur twins search CNN-M --dataset cifar-10 --spaces 0-7 --time 2h

\b
Without --range and --set, the ranges are those of CrossedWires:
  lr 1e-8..0.1, epochs 1..50, adam_epsilon 1e-8..1, batch 10..1000"""


@click.command(epilog=EPILOG)
@click.argument("twin")
@click.option("--framework", metavar="NAME", help="The framework besides PyTorch.  [tensorflow]")
@click.option("--dataset", required=True, help="The dataset, which can be restricted.")
@click.option("--transform", help="The transform.  [norm_N, N as in the twin]")
@click.option("--name", help="Name of the collection of pairs.  [TWIN-FRAMEWORK-DATASET]")
@click.option("--trials", type=click.IntRange(1), default=25, help="Pairs of a sub-space.  [25]")
@click.option("--range", "ranges", multiple=True, metavar="NAME=LOW..HIGH", help="Search a range.")
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="Fix a hyperparameter.")
@click.option("--overlap", type=float, default=0.5, help="Overlap of the halves of a range.  [0.5]")
@click.option("--sampler", default="GP", help="GP, TPE or Random.  [GP]")
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of search and trials.  [0]")
@click.option("--spaces", metavar="A-B,C", help="Search only these sub-spaces.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Trainings in parallel.  [1]")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of each training.")
@click.option("--time", "time_limit", help="Start no training after this time, e.g. 2h30m.")
@data_option
@db_option
@click.pass_context
def search(
    context: click.Context,
    /,
    twin: str,
    framework: str | None,
    db: str,
    data: Path,
    spaces: str | None,
    workers: int,
    threads: int | None,
    time_limit: str | None,
    **options: Any,
) -> None:
    """Search for hyperparameters with which the nets of TWIN differ most.

    Each range is halved; the halves overlap, and each of their combinations, a sub-space, is
    searched for the largest difference of the test scores. The same command resumes an interrupted
    search. The pairs are a collection of the database.
    """
    from lemur_twins.search.searching import run_search

    selected = chosen(twin, framework)
    # Otherwise each training of its nets would fail.
    framework_named(selected.framework).check()
    wanted = _search(selected, options)
    numbers = numbers_in(spaces, len(wanted.spaces)) if spaces else ()
    given = {} if threads is None else {"threads": threads}
    outcome = run_search(
        wanted,
        lambda line: print_line(line, err=True),
        spaces=numbers,
        db=db,
        data=str(data),
        time_limit=time_limit or "",
        workers=workers,
        **given,
    )
    print_line(f"{wanted.name}: {outcome.pairs:,} of {outcome.wanted:,} pairs, in {db}", err=True)
    context.exit(outcome.exit_status)


def _search(selected: Chosen, options: dict[str, Any]) -> TwinSearch:
    """Return the search that the options describe."""
    from lemur_core.kinds.net import as_net
    from lemur_core.training import middle_prm
    from lemur_twins.search.spec import RANGES, TwinSearch

    pytorch, other = selected.nets
    values = {"optimizer": "adam", "momentum": 0.9} | values_in(options["values"])
    ranges = dict(RANGES) | ranges_in(options["ranges"])
    ranges = {name: limits for name, limits in ranges.items() if name not in values}
    # What is neither searched nor given has the middle of its range.
    middle = middle_prm(as_net(pytorch.load(), pytorch.name)) | dict(pytorch.prm)
    fixed = {
        name: value
        for name, value in middle.items()
        if name not in (*ranges, *pytorch.prm, "batch", "transform")
    }
    transform = options["transform"] or f"norm_{selected.twin.image[1]}"
    # The name of one transform.
    installed().get("transform", transform)
    dataset = dataset_named(installed(), options["dataset"], TASK, METRIC)
    return TwinSearch(
        options["name"] or f"{selected.name}-{selected.framework}-{dataset}",
        {"pytorch": pytorch.name, selected.framework: other.name},
        dataset,
        transform,
        ranges,
        fixed | values,
        options["trials"],
        options["overlap"],
        options["sampler"],
        options["seed"],
    )
