"""Import the results that an importer reads, for example what LEMUR published."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select

from lemur_core.errors import SettingsError
from lemur_core.store import schema
from lemur_core.store.attached import Attachments, without
from lemur_core.store.attached_files import attached_in
from lemur_core.store.code_fact_files import code_facts_in
from lemur_core.store.importing.attached import import_attached
from lemur_core.store.importing.code_facts import import_code_facts
from lemur_core.store.importing.imported import Conversion, TrialEpoch
from lemur_core.store.importing.importers import database, files
from lemur_core.store.importing.intake import ImportReport, import_records
from lemur_core.store.importing.origin import ImportOrigin
from lemur_core.store.patience import patiently
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lemur_core.kinds.importer import Reader

FILES = "lemur-files"
"""Name of the importer of LEMUR's files."""


def import_results(
    engine: Engine, place: Path, read: Reader | None = None, form: str | None = None
) -> ImportReport:
    """Import the results that an importer reads from a place.

    Args:
        engine: The database to import into.
        place: A file or a folder.
        read: The importer's function; None reads what LEMUR published: its database, or a folder
            or zip archive of ``<task>_<dataset>_<metric>_<net>/<epoch>.json``.
        form: Name of the importer, which is recorded.

    Returns:
        The result of the import, including what could not be imported.

    Raises:
        SettingsError: The place does not exist, or it is in another format.
        StoreError: The database cannot be written.
    """
    if not place.exists():
        raise SettingsError(f"{place}: there is no such file or folder")
    if not (place.is_file() or place.is_dir()):
        # Reading a pipe would block, and reading a device would never end.
        raise SettingsError(f"{place}: is not a file or folder")
    if read is None:
        is_database = database.recognises(place)
        read = database.read if is_database else files.read
        form = "lemur-database" if is_database else FILES
    conversion = Conversion(str(place), partial(_recorded, engine))
    records = conversion.batches(_started(read, place))
    report = import_records(engine, records, str(place), form or "")
    attached = Attachments(conversion.trial_facts(), (), conversion.collections())
    report.attached = import_attached(engine, attached)
    report.faults += report.attached.faults
    if form and form.rpartition("/")[2] == FILES:
        _import_exported(engine, place, report)
    return report


def _import_exported(engine: Engine, place: Path, report: ImportReport) -> None:
    """Import the facts, artefacts, collections and code that `lemur_core.store.export` wrote."""
    with attached_in(place) as (attached, faults):
        report.attached = import_attached(engine, without(attached, report.refused))
        report.faults += [*faults, *report.attached.faults]
    with code_facts_in(place) as (parts, faults):
        origin = ImportOrigin.at(str(place), FILES)
        report.code_facts, refused = import_code_facts(engine, parts, origin)
        report.faults += [*faults, *refused]


def _started(read: Reader, place: Path) -> Iterable[object]:
    # A generator, so that a function that returns a list is also called where errors are caught.
    yield from read(place)


def _recorded(engine: Engine, uids: Iterable[str]) -> dict[TrialEpoch, str | None]:
    """Return the identities of the recorded epochs of some trials."""
    trial, stat = schema.trial.c, schema.stat.c
    query = select(trial.uid, stat.epoch, stat.record).join_from(schema.stat, schema.trial)

    def read(connection: Connection) -> dict[TrialEpoch, str | None]:
        queries = where_in(query, trial.uid, list(uids))
        return {
            TrialEpoch(uid, epoch): record
            for chunk in queries
            for uid, epoch, record in connection.execute(chunk)
        }

    return patiently(engine, read)
