"""``lemur db``: maintain a database of results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.cli.options import db_option
from lemur_core.cli.output import print_line, warn
from lemur_core.cli.text import binary, counted, duration

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from lemur_core.store.importing.attached import AttachedImport
    from lemur_core.store.importing.intake import ImportReport
    from lemur_core.store.reading.held_trials import HeldTrial


# Faults printed for each imported place; the others are counted.
_MOST_FAULTS = 20


@click.group()
def db() -> None:
    """Maintain the database of results."""


@db.command()
@db_option
def info(db: str) -> None:
    """Show what the database holds and where imported results came from."""
    from lemur_core.store.care import info as read
    from lemur_core.store.database import open_engine

    with open_engine(db) as engine:
        content = read(engine)
    print_line(
        f"{'database':<12}{content.place}, {binary(content.size)}, schema {content.revision}"
    )
    for table, count in content.rows.items():
        print_line(f"{table:<12}{count:,}")
    for state, count in content.states.items():
        print_line(f"{'trials':<12}{count:,} {state}")
    for held in content.held:
        print_line(f"{'held':<12}{_held(held)}")
    for data in content.datasets:
        trials = "1 trial" if data.trials == 1 else f"{data.trials:,} trials"
        print_line(f"{'data':<12}{data.name} {data.label}, {trials}")
    if content.rows["artefact"]:
        print_line(f"{'artefacts':<12}{binary(content.artefact_bytes)} in {content.artefacts}")
    for source in content.sources:
        imported = f"{source.epochs:,} epochs, {source.taken}"
        print_line(f"{'source':<12}{source.place} ({source.form}), {imported}")


def _held(held: HeldTrial) -> str:
    trials = "1 trial" if held.trials == 1 else f"{held.trials:,} trials"
    over = ", which has ended" if held.is_over else ""
    by = f"host {held.host}" if held.host else "a campaign"
    return f"{trials} by {by}, last seen {duration(held.silent_s)} ago{over}"


@db.command()
@db_option
@click.pass_context
def check(context: click.Context, db: str) -> None:
    """Check the integrity of the database; exit status 1 if it is damaged."""
    from lemur_core.store.care import check as read
    from lemur_core.store.database import open_engine

    with open_engine(db) as engine:
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
    """Copy an SQLite database to FILE, even while it is being written to, and its artefacts.

    The artefacts are copied to the folder FILE-artefacts. Exit status 1 if an artefact is missing
    or damaged.
    """
    from lemur_core.store.artefacts import folder_of
    from lemur_core.store.attached_care import check_free, copy_artefacts
    from lemur_core.store.care import backup as copy
    from lemur_core.store.database import open_engine

    with open_engine(db) as engine:
        check_free(engine, file)
        copy(engine, file)
        print_line(f"wrote {file}, {binary(file.stat().st_size)}")
        with open_engine(file) as target:
            copied, faults = copy_artefacts(engine, target)
            if copied:
                size = binary(sum(artefact.bytes for artefact in copied))
                print_line(f"wrote {folder_of(target)}, {counted(len(copied), 'artefact')}, {size}")
    for fault in faults:
        print_line(fault, err=True)
    context.exit(1 if faults else 0)


@db.command()
@db_option
def vacuum(db: str) -> None:
    """Return unused disk space of the database to the system."""
    from lemur_core.store.care import info as read
    from lemur_core.store.care import vacuum as shrink
    from lemur_core.store.database import open_engine

    with open_engine(db) as engine:
        before = read(engine).size
        shrink(engine)
        after = read(engine).size
    print_line(f"{binary(before)} before, {binary(after)} after")


@db.command()
@db_option
def upgrade(db: str) -> None:
    """Upgrade the schema of a database written by an older lemur; a file is backed up first."""
    from lemur_core.store.schema import REVISION
    from lemur_core.store.upgrade import upgrade as upgrade_schema

    done = upgrade_schema(db)
    if done.before == REVISION:
        print_line(f"schema {REVISION}: nothing to do")
        return
    copied = f"; a copy of the old database is in {done.copy}" if done.copy else ""
    print_line(f"schema {done.before} before, {REVISION} after{copied}")


@db.command("import")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    metavar="NAME[:OPTION=VALUE,...]",
    help="An importer (see lemur list importer).  [the importer that recognises the place]",
)
@db_option
@click.pass_context
def import_(context: click.Context, places: tuple[Path, ...], form: str | None, db: str) -> None:
    """Import results that were recorded elsewhere, for example those that LEMUR published.

    PLACES are files or folders. Records that are already present stay unchanged. Records that
    cannot be read are reported, up to 20 per place, and all others are imported. Exit status 1 if
    anything could not be read.
    """
    from lemur_core.store.database import open_engine

    faults = 0
    with open_engine(db, create=True) as engine:
        for place in places:
            report = _import(engine, place, form)
            for fault in report.faults[:_MOST_FAULTS]:
                print_line(f"{fault.place}: {fault.reason}", err=True)
            total = report.faults.total
            if total > _MOST_FAULTS:
                print_line(f"{place}: {total - _MOST_FAULTS:,} more faults", err=True)
            faults += total
            unread = f", {total:,} could not be read" if total else ""
            present = report.read - report.added
            print_line(
                f"{place}: {report.added:,} records imported, {present:,} already present{unread}"
            )
            _print_attached(report.attached)
            if report.code_facts:
                print_line(f"{report.code_facts:,} facts about code imported")
    context.exit(1 if faults else 0)


def _print_attached(attached: AttachedImport) -> None:
    """Print how many facts, artefacts and collections were imported."""
    for note in attached.notes:
        print_line(note, err=True)
    if attached.facts or attached.artefacts or attached.members or attached.collections:
        print_line(
            f"{counted(attached.facts, 'fact')}, {counted(attached.artefacts, 'artefact')}, "
            f"{counted(attached.collections, 'collection')} and "
            f"{counted(attached.members, 'member')} imported"
        )


def _import(engine: Engine, place: Path, form: str | None) -> ImportReport:
    from lemur_core.store.importing.place import reader_of
    from lemur_core.store.importing.published import import_results

    read, name = reader_of(place, form, warn)
    return import_results(engine, place, read, name)


@db.command()
@click.argument("folder", type=click.Path(path_type=Path))
@db_option
def export(folder: Path, db: str) -> None:
    """Write all results to FOLDER in LEMUR's published format."""
    from lemur_core.store.database import open_engine
    from lemur_core.store.export import export as write

    with open_engine(db) as engine:
        written, left_out = write(engine, folder, warn=warn)
    for name in left_out:
        print_line(f"{name!r} cannot be the name of a folder; left out", err=True)
    print_line(f"wrote {written:,} records to {folder}")


@db.command()
@click.argument("others", nargs=-1, required=True, metavar="URL...")
@db_option
@click.pass_context
def merge(context: click.Context, others: tuple[str, ...], db: str) -> None:
    """Import everything, code included, from other lemur databases without changing them.

    Each trial that is added records the database it came from, as the fact merged.from. Exit status
    1 if a fact or artefact is already present with another value or content.
    """
    from lemur_core.store.database import open_engine, place
    from lemur_core.store.importing.merge import check_different
    from lemur_core.store.importing.merge import merge as merge_from

    is_faulty = False
    with open_engine(db, create=True) as engine:
        for other in others:
            with open_engine(other) as source:
                check_different(engine, source)
        for other in others:
            with open_engine(other) as source:
                done = merge_from(engine, source)
            prefix = f"{place(source)}: " if len(others) > 1 else ""
            print_line(
                f"{prefix}{counted(done.trials, 'trial')}, {counted(done.epochs, 'epoch')} and "
                f"{done.code_facts:,} facts about code imported"
            )
            _print_attached(done.attached)
            for fault in done.attached.faults:
                print_line(f"{fault.place}: {fault.reason}", err=True)
            is_faulty |= bool(done.attached.faults)
    context.exit(1 if is_faulty else 0)
