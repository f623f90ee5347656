"""Make checked nets in a database available for training by name."""

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
    """Return entries for the valid nets with these names; other names are left out.

    Their sources are written to a folder beside the database, from which they are imported.

    Raises:
        SettingsError: Several sources have one of the names.
    """
    # If this is not a database, or an outdated one, writing to it raises the error.
    with suppress(StoreError), code_database(db) as database:
        return list(_entries(database, names))
    return []


def _entries(database: CodeDatabase, names: Iterable[str]) -> Iterator[Entry]:
    folder = database.folder("nets")
    nets_by_name = database.run(lambda opened: read_checked(opened, names))
    for name, nets in nets_by_name.items():
        if len(nets) > 1:
            raise SettingsError(
                f"net {name!r} is {len(nets)} sources, which were merged into this database; "
                f"choose one with lemur check FILE --name {name} --replace"
            )
        for net in nets:
            file = folder / f"{name}.{net.hash[:12]}.py"
            file.parent.mkdir(exist_ok=True)
            # Written as a whole, because another campaign may be reading it.
            with replacement(file) as written:
                written.write_text(net.code, encoding="utf-8")
            yield Entry(name, str(file.resolve()), (net.task,), summary=_summary(net.walls))


def _summary(walls: Collection[str]) -> str:
    """Return how a net was checked, given the walls of all checks that found it valid."""
    if "bubblewrap" in walls:
        return "checked behind walls"
    return "checked without walls" if all(walls) else "checked, with or without walls"
