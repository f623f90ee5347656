"""``lemur trials delete``, ``tag`` and ``note``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lemur_core.cli import completion
from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line, warn
from lemur_core.cli.text import binary, counted
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lemur_core.store.writing.deletion import DeletableTrial
    from lemur_core.store.writing.tagging import Change

_LONGEST_SHOWN = 60
ids_argument = click.argument(
    "uids", nargs=-1, required=True, metavar="UID...", shell_complete=completion.trials
)


@click.command(
    epilog="""\b
Examples:
  lemur trials delete 1f2e3d4c 77ab
  lemur trials delete last --yes"""
)
@ids_argument
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@db_option
@click.pass_context
def delete(context: click.Context, uids: tuple[str, ...], yes: bool, db: str) -> None:
    """Delete trials with their epochs, facts, artefacts, weights and checkpoints.

    A trial that another process trains is not deleted. The code and data of a trial stay, because
    others may share them. Exit status 1 if you do not confirm.
    """
    from lemur_core.store.database import open_engine
    from lemur_core.store.writing.deletion import deletable_trials, delete_trials

    with open_engine(db) as engine:
        trials = deletable_trials(engine, uids)
        for trial in trials:
            print_line(", ".join(_parts(trial)))
        what = counted(len(trials), "trial")
        if not yes and not _confirmed(f"Delete {what}?"):
            print_line("nothing was deleted")
            context.exit(1)
        delete_trials(engine, trials, print_line, warn)
    print_line(f"deleted {what}")


@click.command(
    epilog="""\b
Examples:
  lemur trials tag baseline 3 last
  lemur trials tag baseline 3 --remove
  lemur data --tag baseline"""
)
@click.argument("name")
@ids_argument
@click.option("--remove", is_flag=True, help="Remove the tag.")
@db_option
def tag(name: str, uids: tuple[str, ...], remove: bool, db: str) -> None:
    """Add the tag NAME to trials, or remove it from them.

    A tag is a short name of up to 50 characters, recorded as the fact tag.NAME.
    """
    from lemur_core.store.database import open_engine
    from lemur_core.store.writing.tagging import tag as write

    with open_engine(db) as engine:
        changes = write(engine, name, uids, remove=remove)
    done = "removed" if remove else "added"
    already = "had no such tag" if remove else "has it already"
    for change in changes:
        line = already if change.before == change.after else f"tag {name} {done}"
        print_line(f"{change.label}: {line}")


@click.command(
    epilog="""\b
Examples:
  lemur trials note "the one in table 2" 1f2e3d4c
  lemur trials note --remove 1f2e3d4c"""
)
@click.argument("text")
@click.argument("uids", nargs=-1, metavar="UID...", shell_complete=completion.trials)
@click.option("--remove", is_flag=True, help="Remove the note; there is no TEXT then.")
@db_option
def note(text: str, uids: tuple[str, ...], remove: bool, db: str) -> None:
    """Attach the note TEXT to trials, in place of the note that they have.

    A note of up to 32 KiB is recorded as the fact note. A note that is replaced or removed is
    printed.
    """
    from lemur_core.store.database import open_engine
    from lemur_core.store.writing.tagging import annotate

    names = (text, *uids) if remove else uids
    if not names:
        raise click.UsageError("Missing argument 'UID...'.", click.get_current_context())
    with open_engine(db) as engine:
        changes = annotate(engine, None if remove else text, names)
    for line in _notes(changes):
        print_line(line)


def _notes(changes: Sequence[Change]) -> Iterator[str]:
    for label, before, after in changes:
        if before == after:
            yield f"{label}: {'had no note' if after is None else 'has this note already'}"
        elif before is None:
            yield f"{label}: note added"
        else:
            yield f"{label}: note {'removed' if after is None else 'replaced'}; it was {before!r}"


def _parts(trial: DeletableTrial) -> Iterator[str]:
    yield trial.label
    yield str(trial.state)
    for name, count in trial.counts.items():
        if count or name == "epochs":
            yield counted(count, name.removesuffix("s"))
    if trial.files:
        kinds = dict.fromkeys(_kind(path.parent.name) for path in trial.files)
        yield f"{' and '.join(kinds)} of {binary(trial.bytes)}"
    if trial.collections:
        yield f"member of {', '.join(trial.collections)}"


def _kind(folder: str) -> str:
    return next(name for name in ("artefacts", "weights", "checkpoints") if folder.endswith(name))


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:
        # Ctrl-C on a terminal; without one, nobody can answer.
        if sys.stdin is not None and sys.stdin.isatty():
            raise
        raise SettingsError(f"{question} There is no terminal to confirm it; give --yes") from None
