"""``lemur zoo make`` and ``lemur zoo extend``: train the members of a zoo."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import (
    data_option,
    db_option,
    duration,
    print_line,
    print_lines,
    show_progress,
    warn,
)
from lemur_core.errors import SettingsError
from lemur_zoo.cli.database import check_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from lemur_core.fetch import Fetching, Progress
    from lemur_zoo.training import ZooEpoch

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
EPILOG = """\b
SPEC is the name of a published zoo, such as mnist-seed or mnist-seed@digits (see lemur zoo list),
or a TOML file, for example:
  [zoo]
  dataset = "mnist"
  net = "CNN-S"
  epochs = 25
  [factors]
  init = ["uniform", "kaiming_normal"]
  lr = [1e-3, 3e-4]
  [members]
  repeats = 10"""


def _training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--threads", type=click.IntRange(1), default=1, help="CPU threads.  [1]"),
        click.option(
            "--engine",
            type=click.Choice(["auto", "lanes", "grouped", "one-by-one"]),
            help="How members are trained together.  [the fastest that can train the net]",
        ),
        click.option("--time", "time_limit", help="Begin no epoch after this time, e.g. 2h30m."),
        click.option("--download", is_flag=True, help="Download the dataset if it is missing."),
        data_option,
        db_option,
    ):
        command = option(command)
    return command


@click.command(epilog=EPILOG)
@click.argument("spec")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The zoo's folder."
)
@click.option("--epochs", type=click.IntRange(1), help="Number of epochs.  [that of SPEC]")
@click.option("--yes", is_flag=True, help="Make a zoo of more than 100,000 members.")
@_training_options
def make(spec: str, out: Path, epochs: int | None, yes: bool, **options: Any) -> None:
    """Train the zoo that SPEC describes, and keep every epoch's weights in DIR.

    The same command continues a zoo that was interrupted, with the numbers that it would have had.
    """
    from dataclasses import replace

    from lemur_zoo.making import begin, check_spec, images_of, is_zoo, missing_epochs
    from lemur_zoo.spec.read import find_spec
    from lemur_zoo.storage.lock import locked

    limit = seconds_of(options.pop("time_limit"))
    wanted = find_spec(spec)
    if epochs is not None:
        wanted = replace(wanted, epochs=epochs)
    check_spec(wanted, many=yes)
    check_database(options["db"])
    if not is_zoo(out):
        begin(wanted, out, images_of(wanted, options["data"], _fetch(options["download"])))
    with locked(out):
        _train(out, limit, last=wanted.epochs, epochs=missing_epochs(wanted, out), **options)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--epochs", type=click.IntRange(1), help="Number of epochs to add.")
@click.option("--members", type=click.IntRange(1), help="Number of members to add.")
@_training_options
def extend(folder: Path, epochs: int | None, members: int | None, **options: Any) -> None:
    """Train the zoo in DIR for further epochs, or add members to it.

    If it is interrupted, lemur zoo extend DIR without --epochs and --members continues it.
    """
    from lemur_zoo.storage.header import read_header
    from lemur_zoo.storage.lock import locked

    limit = seconds_of(options.pop("time_limit"))
    read_header(folder)
    check_database(options["db"])
    with locked(folder):
        _train(folder, limit, epochs=epochs or 0, members=members or 0, **options)


def _fetch(download: bool) -> Progress | None:
    return _show_download if download else None


def _show_download(fetching: Fetching) -> None:
    show_progress(f"downloading {fetching.file}: {fetching.done / 2**20:,.0f} MiB")


def _train(
    folder: Path,
    limit: float | None,
    *,
    last: int = 0,
    epochs: int = 0,
    members: int = 0,
    threads: int,
    engine: str | None,
    download: bool,
    data: Path,
    db: str,
) -> None:
    """Add epochs and members to a zoo, and train it up to an epoch; 0 is the last one of all."""
    from lemur_zoo.making import training_of
    from lemur_zoo.records import import_zoo
    from lemur_zoo.storage.header import read_header

    before = read_header(folder).engine
    training = training_of(
        folder, data, engine or "", epochs=epochs, members=members, fetch=_fetch(download)
    )
    header = read_header(folder)
    last = last or header.epochs
    print_line(
        f"zoo {header.spec.name}: {header.members:,} members of {header.spec.net} with "
        f"{header.width:,} parameters, {last} epochs of {header.images['train']:,} images, "
        f"{header.size / 2**20:,.0f} MiB"
    )
    print_line(training.choice.line)
    if before not in ("", training.choice.name):
        warn(f"earlier epochs were trained with engine {before}, which rounds otherwise")
    if training.whole >= 0:
        print_line(f"continues after epoch {training.whole}")
    until = None if limit is None else time.monotonic() + limit
    command = f"lemur zoo extend {folder}"
    try:
        is_whole = training.run(
            last, threads=threads, until=until, report=_print_sweep, show=show_progress
        )
    except KeyboardInterrupt:
        # What is trained is recorded, whether or not the command is repeated.
        print_lines(import_zoo(folder, db))
        print_line(f"interrupted {_where(training.whole)}; {command} continues", err=True)
        raise
    print_lines(import_zoo(folder, db))
    if not is_whole:
        print_line(f"the time is over {_where(training.whole)}; {command} continues")
        return
    print_line(f"wrote {folder}; next: lemur zoo show {folder}")


def _where(epoch: int) -> str:
    return f"after epoch {epoch}" if epoch >= 0 else "during epoch 0"


def _print_sweep(sweep: ZooEpoch) -> None:
    show_progress("")
    diverged = f", {sweep.diverged:,} diverged" if sweep.diverged else ""
    # The first epoch only scores the members.
    left = (
        f", about {duration(sweep.seconds * sweep.left)} left" if sweep.epoch and sweep.left else ""
    )
    print_line(
        f"epoch {sweep.epoch}: median loss {sweep.loss:.4f}, validation {sweep.validation:.4f}, "
        f"test {sweep.test:.4f}{diverged}, {duration(sweep.seconds)}{left}"
    )


def seconds_of(text: str | None) -> float | None:
    """Return the seconds that --time means, None without it."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise SettingsError(f"--time {text!r}: expected a duration such as 90s, 30m or 2h30m")
    parts = zip(match.groups(), (3600, 60, 1), strict=True)
    return sum(float(number) * unit for number, unit in parts if number)
