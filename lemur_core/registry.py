"""Find the installed plugins, load each one separately, and look up their entries by name."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Protocol, TypeVar

import pluggy

from lemur_core import hookspecs
from lemur_core.discovery import entry_points
from lemur_core.entry import Entry
from lemur_core.errors import AmbiguousNameError, PluginError, UnknownNameError, error_text
from lemur_core.kind import BUILT_IN, Kind

GROUP = "lemur_core"
CORE = "core"
"""The plugin that registers the core's own entries."""


_Registered = TypeVar("_Registered", Entry, Kind)


class PluginSource(Protocol):
    """The source of a plugin: an entry point, or an object with the same interface."""

    @property
    def name(self) -> str:
        """Name of the plugin."""
        ...

    def load(self) -> ModuleType:
        """Import the plugin module and return it."""
        ...


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin.

    Attributes:
        name: Name of the plugin.
        module: The module that implements the hooks.
        entries: The registered entries, by kind.
        distribution: Name of the plugin's distribution; empty if it has none.
        version: Version of the distribution; empty if there is none.
        kinds: The kinds of entries that the plugin declares.
    """

    name: str
    module: ModuleType
    entries: dict[str, list[Entry]]
    distribution: str = ""
    version: str = ""
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A plugin that was left out.

    Attributes:
        name: Name of the plugin.
        reason: Why the plugin was left out, in one line.
        traceback: The traceback of the failure.
    """

    name: str
    reason: str
    traceback: str


_Matches = list[tuple[str, Entry]]


@dataclass
class Registry:
    """The installed plugins and their entries.

    Attributes:
        plugins: The loaded plugins, by name.
        failures: The plugins that were left out.
        disabled: Names of the plugins disabled by ``LEMUR_DISABLE_PLUGINS``.
        manager: Calls the life-cycle hooks of the loaded plugins.
        base: The kinds of entries that no plugin declares.
    """

    plugins: dict[str, Plugin] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=lambda: _manager(BUILT_IN), repr=False)
    base: tuple[Kind, ...] = BUILT_IN
    _by_name: dict[str, dict[str, _Matches]] = field(init=False, repr=False, default_factory=dict)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of entries by name, those of the core first."""
        declared = (kind for plugin in self.plugins.values() for kind in plugin.kinds)
        return {kind.name: kind for kind in (*self.base, *declared)}

    def add(self, *sources: PluginSource) -> None:
        """Load plugins, or record why a plugin cannot be loaded.

        The kinds that they declare are collected first, so the order of the plugins does not
        matter.
        """
        loaded, kinds_lost = self._loaded(sources), True
        # The kinds of a plugin that fails are lost, so plugins with entries of them fail too.
        while kinds_lost:
            kinds = [*self.kinds.values(), *(kind for plugin in loaded for kind in plugin.kinds)]
            valid = [plugin for plugin in loaded if self._collect(plugin, kinds)]
            kinds_lost = any(plugin.kinds for plugin in loaded if plugin not in valid)
            loaded = valid
        for plugin in loaded:
            with self._failing(plugin.name):
                self.manager.register(plugin.module, plugin.name)
                self.plugins[plugin.name] = plugin
        self._by_name.clear()

    def _loaded(self, sources: Iterable[PluginSource]) -> list[Plugin]:
        """Return the plugins whose modules can be imported, with kinds but without entries."""
        loaded: dict[str, Plugin] = {}
        kinds = self.kinds
        for source in sources:
            with self._failing(source.name):
                if source.name in self.plugins or source.name in loaded:
                    raise PluginError(f"a plugin named {source.name!r} is installed already")
                plugin = _load(source, kinds)
                loaded[source.name] = plugin
                kinds |= {kind.name: kind for kind in plugin.kinds}
        return [*loaded.values()]

    def _collect(self, plugin: Plugin, kinds: Sequence[Kind]) -> bool:
        """Collect the entries of a plugin; return whether all of them are valid."""
        with self._failing(plugin.name):
            plugin.entries.update(_entries_of(plugin, kinds))
            return True
        return False

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """Record any exception in the block as the failure of a plugin."""
        try:
            yield
        # A third-party plugin can raise anything; the other plugins must still work.
        except (Exception, SystemExit) as error:
            reason = error_text(error)
            if isinstance(error, PluginError):
                reason = str(error)
            self.failures.append(Failure(name, reason, traceback.format_exc()))

    def with_entries(self, plugin: str, kind: str, entries: Iterable[Entry]) -> Registry:
        """Return a registry with additional entries, for example nets in files.

        Args:
            plugin: Name of the plugin under which the entries are listed. Entries of other kinds
                under this name are kept.
            kind: Kind of the entries.
            entries: The entries.
        """
        others = self.plugins[plugin].entries if plugin in self.plugins else {}
        extra = Plugin(plugin, ModuleType(plugin), others | {kind: list(entries)})
        return replace(self, plugins=self.plugins | {plugin: extra})

    def entries(self, kind: str) -> Iterator[tuple[str, Entry]]:
        """Yield the full name, ``plugin/name``, and the entry of each entry of a kind."""
        for plugin in self.plugins.values():
            for entry in plugin.entries.get(kind, ()):
                yield f"{plugin.name}/{entry.name}", entry

    def names(self, kind: str) -> dict[str, Entry]:
        """Return the entries of a kind by short name, or by full name if several share it."""
        short = Counter(entry.name for _, entry in self.entries(kind))
        return {
            entry.name if short[entry.name] == 1 else full: entry
            for full, entry in self.entries(kind)
        }

    def get(self, kind: str, name: str) -> Entry:
        """Return an entry by its short or full name, or by that of one of its other sizes.

        Raises:
            UnknownNameError: No entry of the kind has the name.
            AmbiguousNameError: Several plugins register an entry of the name.
            MisfitError: An entry has the name, and does not exist in the size in it.
        """
        return self.find(kind, name)[1]

    def find(self, kind: str, name: str) -> tuple[str, Entry]:
        """Return the full name and the entry that `get` returns.

        Raises:
            UnknownNameError: No entry of the kind has the name.
            AmbiguousNameError: Several plugins register an entry of the name.
            MisfitError: An entry has the name, and does not exist in the size in it.
        """
        matches = self._index(kind).get(name, []) or self._of_other_size(kind, name)
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise AmbiguousNameError(kind, name, [full for full, _ in matches])
        raise UnknownNameError(kind, name, self.names(kind))

    def _of_other_size(self, kind: str, name: str) -> _Matches:
        """Return the entries whose name at another size this is, with their full names."""
        plugin, _, short = name.rpartition("/")
        matches = {}
        for full, entry in self.entries(kind):
            owner = full.partition("/")[0]
            size = entry.size_in(short) if plugin in ("", owner) else None
            if size is not None:
                matches[f"{owner}/{short}"] = entry.at_size(size)
        return [*matches.items()]

    def _index(self, kind: str) -> dict[str, _Matches]:
        """Return the entries of a kind by short name and by full name."""
        if kind not in self._by_name:
            index: dict[str, _Matches] = {}
            for full, entry in self.entries(kind):
                for name in (full, entry.name):
                    index.setdefault(name, []).append((full, entry))
            self._by_name[kind] = index
        return self._by_name[kind]


@cache
def installed() -> Registry:
    """Return the registry of this Python environment, which is loaded once per process."""
    registry = Registry()
    disabled = {name.strip() for name in os.environ.get("LEMUR_DISABLE_PLUGINS", "").split(",")}
    sources = entry_points(GROUP)
    registry.disabled += [source.name for source in sources if source.name in disabled]
    registry.add(_Core(), *(source for source in sources if source.name not in disabled))
    return registry


class _Core:
    """The core's own plugin module, in place of an entry point."""

    name = CORE

    def load(self) -> ModuleType:
        return import_module("lemur_core.plugin")


def _manager(kinds: Iterable[Kind]) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.add_hookspecs(hookspecs.registering(kinds))
    return manager


def _load(source: PluginSource, present: Mapping[str, Kind]) -> Plugin:
    """Return a plugin with the kinds that it declares, but without entries."""
    module = source.load()
    manager = _manager(BUILT_IN)
    manager.register(module, source.name)
    kinds = _kinds(manager, present.values())
    return Plugin(source.name, module, {}, *_origin(source), kinds)


def _kinds(manager: pluggy.PluginManager, present: Iterable[Kind]) -> tuple[Kind, ...]:
    kinds = _registered(manager, "lemur_register_kinds", Kind, "kinds")
    others = [*present]
    for kind in kinds:
        for target in filter(None, (kind.contract, kind.details, kind.rules, kind.scaffold)):
            Entry(kind.name, target).file()
        for other in others:
            for part in ("name", "plural", "hook"):
                if getattr(kind, part) == getattr(other, part):
                    raise PluginError(
                        f"kind {kind.name!r}: its {part} {getattr(kind, part)!r} is that of "
                        f"another kind, {other.name!r}"
                    )
        others.append(kind)
    return tuple(kinds)


def _entries_of(plugin: Plugin, kinds: Iterable[Kind]) -> dict[str, list[Entry]]:
    # A separate manager, so that a plugin that fails half-way leaves no trace.
    manager = _manager(kinds)
    manager.register(plugin.module, plugin.name)
    manager.check_pending()
    return {kind.name: _entries(manager, kind) for kind in kinds}


def _origin(source: PluginSource) -> tuple[str, str]:
    distribution = getattr(source, "dist", None)
    return (distribution.name, distribution.version) if distribution else ("", "")


def _entries(manager: pluggy.PluginManager, kind: Kind) -> list[Entry]:
    entries = _registered(manager, kind.hook, Entry, "entries")
    for entry in entries:
        if kind.in_pipelines and "_" in entry.name:
            raise PluginError(
                f"{kind.name} {entry.name!r}: '_' separates a pipeline's parts; use '-'"
            )
        entry.file()
        entry.code_file()
        if entry.image_sizes is not None:
            Entry(entry.name, entry.image_sizes).file()
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            raise PluginError(f"{kind.hook} returns {kind.name} {name!r} {count} times")
    return entries


def _registered(
    manager: pluggy.PluginManager, hook: str, expected: type[_Registered], plural: str
) -> list[_Registered]:
    """Call a registering hook and return what it registers."""
    registered: list[_Registered] = []
    for result in getattr(manager.hook, hook)():
        if not isinstance(result, Iterable):
            raise PluginError(f"{hook} returns {type(result).__name__}; expected {plural}")
        registered.extend(result)
    for item in registered:
        if not isinstance(item, expected):
            article = "an" if expected is Entry else "a"
            raise PluginError(f"{hook} returns {item!r}; expected {article} {expected.__name__}")
    return registered
