"""Take in what LEMUR published, whatever it is kept in."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from lemur_core.errors import SettingsError
from lemur_core.store.taking.ahead import read_ahead
from lemur_core.store.taking.intake import Report, take
from lemur_core.store.taking.peer import is_peers, read_code, read_peer


def take_in(engine: Engine, place: Path) -> Report:
    """Take in what LEMUR published, or what `lemur_core.store.export` wrote.

    Args:
        engine: The database that takes it in.
        place: A folder or zip archive of ``<task>_<dataset>_<metric>_<net>/<epoch>.json``, or
            LEMUR's SQLite database.

    Returns:
        What was done; what could not be taken in is in it, the rest is in the database.

    Raises:
        SettingsError: There is nothing of the kind.
        StoreError: The database cannot be written.
    """
    if not place.exists():
        raise SettingsError(f"{place}: there is no such file or folder")
    if place.is_file() and is_peers(place):
        return take(engine, read_peer(place), str(place), "LEMUR's database", read_code(place))
    return take(engine, read_ahead(place), str(place), "LEMUR's files")
