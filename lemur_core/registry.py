"""Find the installed plugins, load each alone, and look up what they register by name."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Protocol

import pluggy

from lemur_core import hookspecs
from lemur_core.discovery import entry_points
from lemur_core.entry import Entry
from lemur_core.errors import AmbiguousNameError, PluginError, UnknownNameError

GROUP = "lemur_core"
HOOKS = {
    "net": "lemur_register_nets",
    "loader": "lemur_register_loaders",
    "transform": "lemur_register_transforms",
    "metric": "lemur_register_metrics",
    "estimator": "lemur_register_estimators",
    "exporter": "lemur_register_exporters",
    "command": "lemur_register_commands",
}
KINDS = tuple(HOOKS)
_IN_PIPELINES = ("net", "loader", "metric")


class Source(Protocol):
    """Where a plugin comes from: an entry point, or anything like one."""

    @property
    def name(self) -> str:
        """The plugin's."""
        ...

    def load(self) -> ModuleType:
        """Import the plugin module and return it."""
        ...


@dataclass(frozen=True)
class Plugin:
    """A plugin that was taken: its name, its module, the entries of each kind."""

    name: str
    module: ModuleType
    entries: dict[str, list[Entry]]
    distribution: str = ""
    version: str = ""


@dataclass(frozen=True)
class Failure:
    """A plugin that was left out, and why."""

    name: str
    reason: str
    traceback: str


@dataclass
class Registry:
    """What is installed.

    Attributes:
        plugins: Those that were taken, by name.
        failures: Those that were left out.
        disabled: Names that ``LEMUR_DISABLE_PLUGINS`` switched off.
        manager: Calls the life-cycle hooks of those that were taken.
    """

    plugins: dict[str, Plugin] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=lambda: _manager(), repr=False)

    def add(self, source: Source) -> None:
        """Take a plugin, or remember why it cannot be taken."""
        try:
            plugin = _collect(source)
            if plugin.name in self.plugins:
                raise PluginError(f"a plugin named {plugin.name!r} is installed already")
            self.manager.register(plugin.module, plugin.name)
        # A stranger's plugin may fail in any way at all; the others must still work.
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            if isinstance(error, PluginError):
                reason = str(error)
            self.failures.append(Failure(source.name, reason, traceback.format_exc()))
        else:
            self.plugins[plugin.name] = plugin

    def with_entries(self, plugin: str, kind: str, entries: Iterable[Entry]) -> Registry:
        """Return a registry with entries that no plugin registers, the files of nets say."""
        extra = Plugin(plugin, ModuleType(plugin), {kind: list(entries)})
        return replace(self, plugins=self.plugins | {plugin: extra})

    def entries(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Yield the full name, ``plugin/name``, and entry of everything of a kind."""
        for plugin in self.plugins.values():
            for entry in plugin.entries.get(kind, ()):
                yield f"{plugin.name}/{entry.name}", entry

    def names(self, kind: str) -> dict[str, Entry]:
        """Return entries by the shortest name that is theirs alone, ``plugin/name`` if need be."""
        every = list(self.entries(kind))
        short = [entry.name for _, entry in every]
        return {
            entry.name if short.count(entry.name) == 1 else full: entry for full, entry in every
        }

    def get(self, kind: str, name: str) -> Entry:
        """Return an entry by its short or full name.

        Raises:
            UnknownNameError: Nothing of the kind has the name.
            AmbiguousNameError: Several plugins have it.
        """
        every = list(self.entries(kind))
        found = [(full, entry) for full, entry in every if name in (full, entry.name)]
        if len(found) == 1:
            return found[0][1]
        if found:
            raise AmbiguousNameError(kind, name, [full for full, _ in found])
        raise UnknownNameError(kind, name, self.names(kind))


@cache
def installed() -> Registry:
    """Return the registry of this Python environment; found once per process."""
    registry = Registry()
    off = {name.strip() for name in os.environ.get("LEMUR_DISABLE_PLUGINS", "").split(",")}
    for source in entry_points(GROUP):
        if source.name in off:
            registry.disabled.append(source.name)
        else:
            registry.add(source)
    return registry


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def _collect(source: Source) -> Plugin:
    # A manager of its own, so that a plugin which fails half-way leaves no trace.
    module = source.load()
    manager = _manager()
    manager.register(module, source.name)
    manager.check_pending()
    entries = {kind: _entries(manager, kind) for kind in KINDS}
    return Plugin(source.name, module, entries, *_origin(source))


def _origin(source: Source) -> tuple[str, str]:
    distribution = getattr(source, "dist", None)
    return (distribution.name, distribution.version) if distribution else ("", "")


def _entries(manager: pluggy.PluginManager, kind: str) -> list[Entry]:
    entries: list[Entry] = []
    for given in getattr(manager.hook, HOOKS[kind])():
        if not isinstance(given, Iterable):
            raise PluginError(f"{HOOKS[kind]} gives {type(given).__name__}; expected entries")
        entries.extend(given)
    for entry in entries:
        _check(entry, kind)
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            raise PluginError(f"{HOOKS[kind]} gives {kind} {name!r} {count} times")
    return entries


def _check(entry: object, kind: str) -> None:
    if not isinstance(entry, Entry):
        raise PluginError(f"{HOOKS[kind]} gives {entry!r}; expected an Entry")
    if kind in _IN_PIPELINES and "_" in entry.name:
        raise PluginError(f"{kind} {entry.name!r}: '_' separates a pipeline's parts; use '-'")
    entry.file()
    entry.code_file()
