"""Nets that were checked and kept in the database, to be trained by their names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lemur_core.entry import Entry
from lemur_core.errors import AmbiguousNameError, SettingsError, StoreError, UnknownNameError
from lemur_core.store.location import may_exist

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry

PLUGIN = "checked"


def with_checked(nets: Iterable[str], db: str, registry: Registry) -> Registry:
    """Return the registry with those nets that are not installed, and were checked.

    Their sources are written to a folder beside the database, where they can be read too.

    Args:
        nets: Names of nets, without wildcards.
        db: URL or path of the database.
        registry: What is installed.

    Raises:
        SettingsError: Several sources of one name were checked.
    """
    missing = [name for name in nets if not _is_installed(registry, name)]
    # Where there is no database yet, no net was checked, and nothing heavy need be imported.
    if not missing or not may_exist(db):
        return registry
    entries = list(_entries(db, missing))
    return registry.with_entries(PLUGIN, "net", entries) if entries else registry


def checked_in(pipelines: Iterable[Pipeline], registry: Registry) -> dict[str, str]:
    """Return which nets of pipelines are such, and how each was checked."""
    plugin = registry.plugins.get(PLUGIN)
    ours = plugin.entries["net"] if plugin else []
    return {one.net: one.net_entry.summary for one in pipelines if one.net_entry in ours}


def _is_installed(registry: Registry, name: str) -> bool:
    try:
        registry.get("net", name)
    except UnknownNameError:
        return False
    # Which one is told when it is asked for.
    except AmbiguousNameError:
        return True
    return True


def _entries(db: str, names: Iterable[str]) -> Iterator[Entry]:
    from lemur_core.store.database import beside, opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.verdicts import read_checked

    # What is no database, or an older one, is told when it is written to.
    with suppress(StoreError), opened(db) as engine:
        folder = beside(engine, "nets")
        found = patiently(engine, lambda connection: read_checked(connection, names))
        for name, nets in found.items():
            if len(nets) > 1:
                raise SettingsError(
                    f"net {name!r} is {len(nets)} sources, which were merged into this database; "
                    f"say which with lemur check FILE --name {name} --replace"
                )
            for net in nets:
                place = folder / f"{name}.{net.hash[:12]}.py"
                place.parent.mkdir(exist_ok=True)
                place.write_text(net.code, encoding="utf-8")
                yield Entry(name, str(place.resolve()), (net.task,), summary=_how(net.walls))


def _how(walls: Collection[str]) -> str:
    """Return how a net was checked, of all the times that it was found valid."""
    if "bubblewrap" in walls:
        return "checked behind walls"
    return "checked without walls" if all(walls) else "checked, with or without walls"
