"""Nets that were checked and are recorded in a database, to be trained by their names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lemur_check.verdicts import read_checked
from lemur_core import Entry
from lemur_core.code_facts import CodeDatabase, code_database
from lemur_core.errors import SettingsError, StoreError
from lemur_core.files import replacement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


def find_nets(names: Iterable[str], db: str) -> list[Entry]:
    """Return the nets of these names that were found valid; others are left out.

    Their sources are written to a folder beside the database, where they can be read too.

    Raises:
        SettingsError: A name stands for several sources.
    """
    # What is no database, or an older one, is told when it is written to.
    with suppress(StoreError), code_database(db) as database:
        return list(_entries(database, names))
    return []


def _entries(database: CodeDatabase, names: Iterable[str]) -> Iterator[Entry]:
    folder = database.folder("nets")
    found = database.run(lambda opened: read_checked(opened, names))
    for name, nets in found.items():
        if len(nets) > 1:
            raise SettingsError(
                f"net {name!r} is {len(nets)} sources, which were merged into this database; "
                f"say which with lemur check FILE --name {name} --replace"
            )
        for net in nets:
            place = folder / f"{name}.{net.hash[:12]}.py"
            place.parent.mkdir(exist_ok=True)
            # Whole or not at all: another campaign may be reading it.
            with replacement(place) as written:
                written.write_text(net.code, encoding="utf-8")
            yield Entry(name, str(place.resolve()), (net.task,), summary=_how(net.walls))


def _how(walls: Collection[str]) -> str:
    """Return how a net was checked, of all the times that it was found valid."""
    if "bubblewrap" in walls:
        return "checked behind walls"
    return "checked without walls" if all(walls) else "checked, with or without walls"
