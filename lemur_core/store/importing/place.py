"""Import the results that an importer reads from a file or folder."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lemur_core import registry
from lemur_core.kinds.importer import Fault, importer, recognised
from lemur_core.options import Selection, read_selection
from lemur_core.store.database import DEFAULT_DB, open_engine
from lemur_core.store.importing import published

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lemur_core.kinds.importer import Reader


class ImportedResults(NamedTuple):
    """What an import added to a database.

    Attributes:
        added: Number of epochs that were added.
        present: Number of epochs that were there already.
        faults: What could not be imported, with its place; only the first of very many.
        notes: A line for anything else that was done, for example a renamed collection.
    """

    added: int
    present: int
    faults: Sequence[Fault]
    notes: Sequence[str]


def import_results(
    place: str | Path, *, form: str | None = None, db: str | Path = DEFAULT_DB
) -> ImportedResults:
    """Import results that were recorded elsewhere, as ``lemur db import`` does.

    Importing the same place again changes nothing, or adds the epochs that it has gained.

    Args:
        place: A file or folder.
        form: Name of an importer, with options if it has any, as in ``zoos:seeds=first``. None
            takes the importer that recognises the place.
        db: A database URL, or the path of an SQLite file, which is created if it does not exist.

    Raises:
        SettingsError: The place does not exist, or not exactly one importer recognises it.
        UnknownNameError: There is no such importer.
        StoreError: The database cannot be written.
    """
    path = Path(place)
    # The warning names the line that called this function.
    read, name = reader_of(path, form, lambda line: warnings.warn(line, stacklevel=5))
    with open_engine(db, create=True) as engine:
        report = published.import_results(engine, path, read, name)
    present, notes = report.read - report.added, report.attached.notes
    return ImportedResults(report.added, present, report.faults, notes)


def reader_of(place: Path, form: str | None, warn: Callable[[str], None]) -> tuple[Reader, str]:
    """Return the function that reads a place, and the name of its importer.

    Args:
        place: A file or folder.
        form: Name of an importer, with options; None takes the importer that recognises the place.
        warn: Called with a message for each importer that fails.

    Raises:
        SettingsError: The place does not exist, or not exactly one importer recognises it.
        UnknownNameError: There is no such importer.
    """
    plugins = registry.installed()
    selection = (
        read_selection("importer", form) if form else Selection(recognised(plugins, place, warn))
    )
    return importer(plugins, selection), selection.name
