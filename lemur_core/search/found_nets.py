"""Nets that are not installed and that plugins find by name, in a database for example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.entry import Entry
from lemur_core.errors import AmbiguousNameError, LemurError, PluginError, UnknownNameError
from lemur_core.store.location import may_exist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry

PLUGIN = "found"


def with_found_nets(names: Iterable[str], db: str, registry: Registry) -> Registry:
    """Return the registry with the nets that plugins find by name.

    Args:
        names: Names of nets; plugins are asked for those that are not installed.
        db: The database that the campaign writes to.
        registry: What is installed.

    Raises:
        LemurError: A plugin says what is wrong with a name.
        PluginError: A plugin failed, or returned something else.
    """
    missing = [name for name in sorted(names) if not _is_installed(registry, name)]
    # Without a database nothing can be found, and nothing heavy need be imported.
    if not missing or not may_exist(db):
        return registry
    entries = list(_entries(registry, missing, db))
    return registry.with_entries(PLUGIN, "net", entries) if entries else registry


def found_in(pipelines: Iterable[Pipeline], registry: Registry) -> dict[str, str]:
    """Return which nets of pipelines plugins found, and how each was found."""
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


def _entries(registry: Registry, names: Sequence[str], db: str) -> Iterator[Entry]:
    try:
        found = [list(given) for given in registry.manager.hook.lemur_find_nets(names=names, db=db)]
    except LemurError:
        raise
    # A stranger's plugin may raise anything, and the user must not read a traceback.
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise PluginError(f"a plugin's lemur_find_nets failed: {reason}") from error
    for entry in (one for given in found for one in given):
        if not isinstance(entry, Entry) or entry.name not in names:
            raise PluginError(
                f"a plugin's lemur_find_nets gives {entry!r}; expected entries named "
                f"{' or '.join(names)}"
            )
        yield entry
