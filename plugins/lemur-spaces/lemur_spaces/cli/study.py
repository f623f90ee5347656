"""``lemur spaces study``: train a population of a design space on several datasets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.commands import data_option, db_option, duration, print_line, print_text, text_table

if TYPE_CHECKING:
    from lemur_spaces.study.prepare import Prepared
    from lemur_spaces.study.run import StudyOutcome

_MOST_NAMED = 5
EPILOG = """\b
The file describes the study, for example:
  [population]
  space = "AnyNetX"
  count = 150
  band = "2e6..3e6"
  px = 32
  classes = 10
  [training]
  epochs = 20
  lr = 0.05
  batch = 64
  [[dataset]]
  name = "digits"
  px = 32"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workers", type=click.IntRange(1), default=1, help="Trainings in parallel.  [1]")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of each training.")
@click.option("--device", default="auto", show_default=True, help="A torch device.")
@click.option("--time", "time_limit", help="Start no training after this time, e.g. 2h30m.")
@click.option("--epoch-limit", type=float, help="Maximum duration of an epoch in minutes.  [30]")
@click.option("--dry-run", is_flag=True, help="Say what would be trained and the cost, and stop.")
@data_option
@db_option
@click.pass_context
def study(
    context: click.Context, /, file: Path, db: str, data: Path, dry_run: bool, **options: Any
) -> None:
    """Train the population of FILE on each of its datasets.

    The same command resumes an interrupted study. Trainings that are recorded are not repeated. The
    trials are a collection of the database, named after the file.
    """
    from lemur_spaces.study.file import read_study
    from lemur_spaces.study.prepare import prepare
    from lemur_spaces.study.run import run_study

    prepared = prepare(read_study(file), db, data, _say)
    workers = options["workers"]
    threads = options["threads"] or max(1, (os.cpu_count() or 1) // workers)
    _print_plan(prepared, workers, threads, options["device"])
    if dry_run:
        return
    given = {name: options[name] for name in ("threads", "epoch_limit") if options[name]}
    outcome = run_study(
        prepared,
        _say,
        time_limit=options["time_limit"] or "",
        workers=workers,
        device=options["device"],
        **given,
    )
    _print_outcome(prepared, outcome)
    context.exit(outcome.exit_status)


def _say(line: str) -> None:
    print_line(line, err=True)


def _print_plan(prepared: Prepared, workers: int, threads: int, device: str) -> None:
    from lemur_spaces.study.controls import changed_members, most_trainings
    from lemur_spaces.study.cost import seconds_per_net

    study, members = prepared.study, prepared.population.members
    rows, total, counted = [], 0.0, set[str]()
    wanted = most_trainings(study.conditions, prepared.names)
    for (condition, most), samples in zip(wanted, prepared.samples, strict=True):
        trials = prepared.trials(condition, prepared.members(condition))
        # Those that a control shares with the condition that it controls count there.
        own = {uid for uids in trials.values() for uid in uids} - counted
        counted |= own
        done, left = len(own), most - len(own)
        each = (
            seconds_per_net(
                changed_members(condition, members),
                prepared.net,
                condition,
                samples,
                device,
                threads,
            )
            if left
            else 0.0
        )
        total += each * left
        rows.append(
            [
                " ".join([condition.dataset, condition.control]).strip(),
                f"{samples.trained:,}",
                str(samples.images.classes),
                str(condition.px),
                str(condition.trained_epochs),
                condition.error,
                condition.transform,
                f"{done:,}",
                f"{left:,}",
                duration(each * left / workers),
            ]
        )
    headers = [
        "dataset", "images", "classes", "px", "epochs", "error", "transform", "trained", "to train",
        "time",
    ]  # fmt: skip
    print_text(text_table(headers, rows))
    print_line(
        f"about {duration(total / workers)} of training with {workers} "
        f"worker{'s' if workers > 1 else ''}, as timed with a few nets"
    )


def _print_outcome(prepared: Prepared, outcome: StudyOutcome) -> None:
    from lemur_spaces.study.controls import most_trainings

    study = prepared.study
    wanted = sum(most for _, most in most_trainings(study.conditions, prepared.names))
    print_line(
        f"study {study.name!r}: {outcome.trained:,} of {wanted:,} trainings are finished, in "
        f"{prepared.db}"
    )
    for reason, count in outcome.reasons.items():
        print_line(f"{count:,} failed: {reason}")
    for role, names in outcome.missing.items():
        more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
        print_line(f"{role}: lack trainings: {', '.join(names[:_MOST_NAMED])}{more}")
    if outcome.is_partial:
        print_line("not finished; the same command continues")
    elif outcome.trained:
        print_line(f"next: lemur spaces report {study.name} --db {prepared.db}")
