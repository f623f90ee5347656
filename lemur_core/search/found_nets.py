"""Add nets that are not installed but found by plugins, for example in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.entry import Entry
from lemur_core.errors import (
    AmbiguousNameError,
    LemurError,
    PluginError,
    UnknownNameError,
    error_text,
)
from lemur_core.store.location import may_exist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry

PLUGIN = "found"


def with_found_nets(names: Iterable[str], db: str, registry: Registry) -> Registry:
    """Return the registry with the nets that plugins find by name.

    Args:
        names: Names of nets; plugins are only asked for those that are not installed.
        db: The database that the campaign writes to.
        registry: The installed plugins.

    Raises:
        LemurError: A plugin rejects a name.
        PluginError: A plugin failed, or returned something other than entries of these names.
    """
    missing = [name for name in sorted(names) if not _is_installed(registry, name)]
    # Without a database there is nothing to find, and no need for slow imports.
    if not missing or not may_exist(db):
        return registry
    entries = list(_entries(registry, missing, db))
    return registry.with_entries(PLUGIN, "net", entries) if entries else registry


def summaries_of_found(pipelines: Iterable[Pipeline], registry: Registry) -> dict[str, str]:
    """Return the summary of each net of the pipelines that a plugin found, by name."""
    plugin = registry.plugins.get(PLUGIN)
    found_entries = plugin.entries["net"] if plugin else []
    return {
        pipeline.net: pipeline.net_entry.summary
        for pipeline in pipelines
        if pipeline.net_entry in found_entries
    }


def _is_installed(registry: Registry, name: str) -> bool:
    try:
        registry.get("net", name)
    except UnknownNameError:
        return False
    # The error is raised when the net is resolved.
    except AmbiguousNameError:
        return True
    return True


def _entries(registry: Registry, names: Sequence[str], db: str) -> Iterator[Entry]:
    try:
        results = [*map(list, registry.manager.hook.lemur_find_nets(names=names, db=db))]
    except LemurError:
        raise
    # A foreign plugin may raise anything, and the user should not see a traceback.
    except (Exception, SystemExit) as error:
        raise PluginError(f"a plugin's lemur_find_nets failed: {error_text(error)}") from error
    for entry in (entry for result in results for entry in result):
        if not isinstance(entry, Entry) or entry.name not in names:
            raise PluginError(
                f"a plugin's lemur_find_nets gives {entry!r}; expected entries named "
                f"{' or '.join(names)}"
            )
        yield entry
