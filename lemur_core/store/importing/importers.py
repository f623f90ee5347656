"""The core's importers, which read what LEMUR published; see `lemur_core.kinds.importer`."""

from __future__ import annotations

import re
import zipfile
from itertools import islice
from typing import TYPE_CHECKING

from lemur_core.errors import SettingsError
from lemur_core.store.importing.ahead import read_ahead
from lemur_core.store.importing.peer import is_lemur_database, read_lemur_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lemur_core.kinds.importer import Fault
    from lemur_core.store.importing.records import Batch

_FILE = re.compile(r"(.*/)?[^_/]+(_[^_/]+){3}/[1-9][0-9]*\.json")
# Maximum number of names to examine in a folder with other files.
_MAX_NAMES = 1_000


class LemurFiles:
    """Reads ``<task>_<dataset>_<metric>_<net>/<epoch>.json`` in a folder or a zip archive."""

    def recognises(self, place: Path) -> bool:
        """Return whether such a file is among the first names in a folder or an archive."""
        names: Iterator[str]
        if place.is_dir():
            names = (path.absolute().as_posix() for path in place.rglob("*.json"))
        elif zipfile.is_zipfile(place):
            with zipfile.ZipFile(place) as archive:
                names = iter(archive.namelist())
        else:
            return False
        return any(_FILE.fullmatch(name) for name in islice(names, _MAX_NAMES))

    def read(self, place: Path) -> Iterator[Batch | Fault]:
        """Yield the records of each pipeline together, and what could not be read."""
        return read_ahead(place)


class LemurDatabase:
    """Reads LEMUR's SQLite database."""

    def recognises(self, place: Path) -> bool:
        """Return whether a file is a LEMUR database."""
        return place.is_file() and is_lemur_database(place)

    def read(self, place: Path) -> Iterator[Batch | Fault]:
        """Yield the records of each pipeline together, and what could not be read."""
        if not self.recognises(place):
            raise SettingsError(f"{place}: is not a LEMUR database")
        return read_lemur_database(place)


files, database = LemurFiles(), LemurDatabase()
