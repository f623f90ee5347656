"""``lemur db``: look after a database of results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line, warn
from lemur_core.cli.text import binary, counted, duration

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lemur_core.store.reading.held_trials import HeldTrial
    from lemur_core.store.taking.attached import AttachedImport
    from lemur_core.store.taking.intake import ImportReport


# Lines about each place that is imported; others are counted.
_MOST_FAULTS = 20


@click.group()
def db() -> None:
    """Look after the database of results."""


@db.command()
@db_option
def info(db: str) -> None:
    """Show what the database holds, and where it came from."""
    from lemur_core.store.care import info as read
    from lemur_core.store.database import opened

    with opened(db) as engine:
        found = read(engine)
    print_line(f"{'database':<12}{found.place}, {binary(found.size)}, schema {found.revision}")
    for table, count in found.rows.items():
        print_line(f"{table:<12}{count:,}")
    for state, count in found.states.items():
        print_line(f"{'trials':<12}{count:,} {state}")
    for held in found.held:
        print_line(f"{'held':<12}{_held(held)}")
    for data in found.datasets:
        trials = "1 trial" if data.trials == 1 else f"{data.trials:,} trials"
        print_line(f"{'data':<12}{data.name} {data.label}, {trials}")
    if found.rows["artefact"]:
        print_line(f"{'artefacts':<12}{binary(found.artefact_bytes)} in {found.artefacts}")
    for source in found.sources:
        taken = f"{source.epochs:,} epochs, {source.taken}"
        print_line(f"{'source':<12}{source.place} ({source.form}), {taken}")


def _held(held: HeldTrial) -> str:
    trials = "1 trial" if held.trials == 1 else f"{held.trials:,} trials"
    over = ", which has ended" if held.is_over else ""
    by = f"host {held.host}" if held.host else "a campaign"
    return f"{trials} by {by}, last seen {duration(held.silent_s)} ago{over}"


@db.command()
@db_option
@click.pass_context
def check(context: click.Context, db: str) -> None:
    """See whether the database is sound; status 1 where it is not."""
    from lemur_core.store.care import check as read
    from lemur_core.store.database import opened

    with opened(db) as engine:
        faults = read(engine)
    for fault in faults:
        print_line(fault)
    print_line(f"{len(faults)} faults" if faults else "sound")
    context.exit(1 if faults else 0)


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@db_option
@click.pass_context
def backup(context: click.Context, file: Path, db: str) -> None:
    """Copy an SQLite database to FILE, also while others write to it, and its artefacts.

    The artefacts go to the folder FILE-artefacts. Status 1 where one of them is missing or damaged.
    """
    from lemur_core.store.artefacts import folder_of
    from lemur_core.store.attached_care import check_free, copy_artefacts
    from lemur_core.store.care import backup as copy
    from lemur_core.store.database import opened

    with opened(db) as engine:
        check_free(engine, file)
        copy(engine, file)
        print_line(f"wrote {file}, {binary(file.stat().st_size)}")
        with opened(file) as made:
            copied, faults = copy_artefacts(engine, made)
            if copied:
                size = binary(sum(one.bytes for one in copied))
                print_line(f"wrote {folder_of(made)}, {counted(len(copied), 'artefact')}, {size}")
    for fault in faults:
        print_line(fault, err=True)
    context.exit(1 if faults else 0)


@db.command()
@db_option
def vacuum(db: str) -> None:
    """Give back the room that the database does not use."""
    from lemur_core.store.care import info as read
    from lemur_core.store.care import vacuum as shrink
    from lemur_core.store.database import opened

    with opened(db) as engine:
        before = read(engine).size
        shrink(engine)
        after = read(engine).size
    print_line(f"{binary(before)} before, {binary(after)} after")


@db.command()
@db_option
def upgrade(db: str) -> None:
    """Bring a database that an older lemur wrote up to date; a file is copied first."""
    from lemur_core.store.schema import REVISION
    from lemur_core.store.upgrade import upgrade as bring

    done = bring(db)
    if done.before == REVISION:
        print_line(f"schema {REVISION}: nothing to do")
        return
    copied = f"; as it was, it is in {done.copy}" if done.copy else ""
    print_line(f"schema {done.before} before, {REVISION} after{copied}")


@db.command("import")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    metavar="NAME[:OPTION=VALUE,...]",
    help="An importer, as lemur list importer names them.  [the one that recognises the place]",
)
@db_option
@click.pass_context
def import_(context: click.Context, places: tuple[Path, ...], form: str | None, db: str) -> None:
    """Take in results that were recorded elsewhere: what LEMUR published, for example.

    What is there already is left alone; what cannot be read is named, the first 20 of each place,
    and the rest taken in. Status 1 where something could not be read.
    """
    from lemur_core.store.database import opened

    faults = 0
    with opened(db, create=True) as engine:
        for place in places:
            report = _take_in(engine, place, form)
            for fault in report.faults[:_MOST_FAULTS]:
                print_line(f"{fault.place}: {fault.reason}", err=True)
            total = report.faults.total
            if total > _MOST_FAULTS:
                print_line(f"{place}: {total - _MOST_FAULTS:,} faults more", err=True)
            faults += total
            left = f", {total:,} could not be read" if total else ""
            known = report.read - report.added
            print_line(
                f"{place}: {report.added:,} records taken in, {known:,} were there already{left}"
            )
            _say_attached(report.attached)
            if report.code_facts:
                print_line(f"{report.code_facts:,} facts about code taken in")
    context.exit(1 if faults else 0)


def _say_attached(taken: AttachedImport) -> None:
    """Say what was taken in of facts, artefacts and collections."""
    for note in taken.notes:
        print_line(note, err=True)
    if taken.facts or taken.artefacts or taken.members or taken.collections:
        print_line(
            f"{counted(taken.facts, 'fact')}, {counted(taken.artefacts, 'artefact')}, "
            f"{counted(taken.collections, 'collection')} and {counted(taken.members, 'member')} "
            "taken in"
        )


def _take_in(engine: Engine, place: Path, form: str | None) -> ImportReport:
    from lemur_core.kinds.importer import importer, recognised
    from lemur_core.options import Selection, read_selection
    from lemur_core.registry import installed
    from lemur_core.store.taking.published import take_in

    registry = installed()
    if form:
        selection = read_selection("importer", form)
    else:
        selection = Selection(recognised(registry, place, warn))
    return take_in(engine, place, importer(registry, selection), selection.name)


@db.command()
@click.argument("folder", type=click.Path(path_type=Path))
@db_option
def export(folder: Path, db: str) -> None:
    """Write all results to FOLDER, as LEMUR publishes them."""
    from lemur_core.store.database import opened
    from lemur_core.store.export import export as write

    with opened(db) as engine:
        written, left_out = write(engine, folder, warn=warn)
    for name in left_out:
        print_line(f"{name!r} can be no folder's name; left out", err=True)
    print_line(f"wrote {written:,} records to {folder}")


@db.command()
@click.argument("other", metavar="URL")
@db_option
@click.pass_context
def merge(context: click.Context, other: str, db: str) -> None:
    """Take in all of another database of lemur's, URL, with the code; it stays as it is.

    Status 1 where a fact or artefact is there already with another value or content.
    """
    from lemur_core.store.database import opened
    from lemur_core.store.taking.merge import merge as take

    with opened(other) as source, opened(db, create=True) as engine:
        done = take(engine, source)
    print_line(
        f"{done.trials:,} trials, {done.epochs:,} epochs and {done.code_facts:,} facts about code "
        "taken in"
    )
    _say_attached(done.attached)
    for fault in done.attached.faults:
        print_line(f"{fault.place}: {fault.reason}", err=True)
    context.exit(1 if done.attached.faults else 0)
