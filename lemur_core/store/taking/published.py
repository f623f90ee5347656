"""Take in what an importer reads, what LEMUR published say."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from lemur_core.errors import SettingsError
from lemur_core.kinds.importer import Reader
from lemur_core.store import schema
from lemur_core.store.patience import patiently
from lemur_core.store.reading.filters import where_in
from lemur_core.store.taking.imported import Conversion, TrialEpoch
from lemur_core.store.taking.importers import database, files
from lemur_core.store.taking.intake import Report, take


def take_in(
    engine: Engine, place: Path, read: Reader | None = None, form: str | None = None
) -> Report:
    """Take in what an importer reads from a place.

    Args:
        engine: The database that takes it in.
        place: A file or a folder.
        read: The importer's function; None reads what LEMUR published: its database, or a folder
            or zip archive of ``<task>_<dataset>_<metric>_<net>/<epoch>.json``.
        form: The name of the importer, for the record.

    Returns:
        What was done; what could not be taken in is in it, the rest is in the database.

    Raises:
        SettingsError: There is no such place, or it is in another format.
        StoreError: The database cannot be written.
    """
    if not place.exists():
        raise SettingsError(f"{place}: there is no such file or folder")
    if read is None:
        is_database = database.recognises(place)
        read = database.read if is_database else files.read
        form = "lemur-database" if is_database else "lemur-files"
    conversion = Conversion(str(place), partial(_recorded, engine))
    return take(engine, conversion.batches(_begun(read, place)), str(place), form or "")


def _begun(read: Reader, place: Path) -> Iterable[object]:
    # A function that returns a list begins here too, so that what it raises is caught.
    yield from read(place)


def _recorded(engine: Engine, uids: Iterable[str]) -> dict[TrialEpoch, str | None]:
    """Return the identities of the recorded epochs of some trials."""
    trial, stat = schema.trial.c, schema.stat.c
    query = select(trial.uid, stat.epoch, stat.record).join_from(schema.stat, schema.trial)

    def read(connection: Connection) -> dict[TrialEpoch, str | None]:
        queries = where_in(query, trial.uid, list(uids))
        return {
            TrialEpoch(uid, epoch): record
            for each in queries
            for uid, epoch, record in connection.execute(each)
        }

    return patiently(engine, read)
