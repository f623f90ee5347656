"""Find the installed plugins, load each alone, and look up what they register by name."""

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
from lemur_core.errors import AmbiguousNameError, PluginError, UnknownNameError
from lemur_core.kind import BUILT_IN, Kind

GROUP = "lemur_core"
CORE = "core"
"""The plugin that registers the core's own entries."""


_Registered = TypeVar("_Registered", Entry, Kind)


class PluginSource(Protocol):
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
    """A plugin that was taken.

    Attributes:
        name: Its name.
        module: Its module of hooks.
        entries: What it registers, by kind.
        distribution: The name of its distribution; empty if it has none.
        version: The version of its distribution; empty if it has none.
        kinds: The kinds of entries that it brings.
    """

    name: str
    module: ModuleType
    entries: dict[str, list[Entry]]
    distribution: str = ""
    version: str = ""
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A plugin that was left out, and why."""

    name: str
    reason: str
    traceback: str


_Found = list[tuple[str, Entry]]


@dataclass
class Registry:
    """What is installed.

    Attributes:
        plugins: Those that were taken, by name.
        failures: Those that were left out.
        disabled: Names that ``LEMUR_DISABLE_PLUGINS`` switched off.
        manager: Calls the life-cycle hooks of those that were taken.
        base: The kinds of entries that none of them brings.
    """

    plugins: dict[str, Plugin] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    manager: pluggy.PluginManager = field(default_factory=lambda: _manager(BUILT_IN), repr=False)
    base: tuple[Kind, ...] = BUILT_IN
    _by_name: dict[str, dict[str, _Found]] = field(init=False, repr=False, default_factory=dict)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of entries by name, those of the core first."""
        brought = (kind for plugin in self.plugins.values() for kind in plugin.kinds)
        return {kind.name: kind for kind in (*self.base, *brought)}

    def add(self, *sources: PluginSource) -> None:
        """Take plugins, or remember why one cannot be taken.

        The kinds that they bring are collected first, so that their order does not matter.
        """
        loaded, lost = self._loaded(sources), True
        # A plugin that fails takes its kinds with it, and so may fail others.
        while lost:
            kinds = [*self.kinds.values(), *(kind for one in loaded for kind in one.kinds)]
            taken = [one for one in loaded if self._collect(one, kinds)]
            lost = any(one.kinds for one in loaded if one not in taken)
            loaded = taken
        for plugin in loaded:
            with self._failing(plugin.name):
                self.manager.register(plugin.module, plugin.name)
                self.plugins[plugin.name] = plugin
        self._by_name.clear()

    def _loaded(self, sources: Iterable[PluginSource]) -> list[Plugin]:
        """Return the plugins whose modules can be imported, with their kinds and no entries yet."""
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
        """Collect a plugin's entries; return whether all of them are in order."""
        with self._failing(plugin.name):
            plugin.entries.update(_entries_of(plugin, kinds))
            return True
        return False

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """Remember that a plugin cannot be taken, whatever is raised."""
        try:
            yield
        # A stranger's plugin may fail in any way at all; the others must still work.
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            if isinstance(error, PluginError):
                reason = str(error)
            self.failures.append(Failure(name, reason, traceback.format_exc()))

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
        short = Counter(entry.name for _, entry in self.entries(kind))
        return {
            entry.name if short[entry.name] == 1 else full: entry
            for full, entry in self.entries(kind)
        }

    def get(self, kind: str, name: str) -> Entry:
        """Return an entry by its short or full name.

        Raises:
            UnknownNameError: Nothing of the kind has the name.
            AmbiguousNameError: Several plugins have it.
        """
        found = self._index(kind).get(name, [])
        if len(found) == 1:
            return found[0][1]
        if found:
            raise AmbiguousNameError(kind, name, [full for full, _ in found])
        raise UnknownNameError(kind, name, self.names(kind))

    def _index(self, kind: str) -> dict[str, _Found]:
        """Return what each short and each full name of a kind stands for."""
        if kind not in self._by_name:
            index: dict[str, _Found] = {}
            for full, entry in self.entries(kind):
                for name in (full, entry.name):
                    index.setdefault(name, []).append((full, entry))
            self._by_name[kind] = index
        return self._by_name[kind]


@cache
def installed() -> Registry:
    """Return the registry of this Python environment; found once per process."""
    registry = Registry()
    off = {name.strip() for name in os.environ.get("LEMUR_DISABLE_PLUGINS", "").split(",")}
    sources = entry_points(GROUP)
    registry.disabled += [source.name for source in sources if source.name in off]
    registry.add(_Core(), *(source for source in sources if source.name not in off))
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


def _load(source: PluginSource, known: Mapping[str, Kind]) -> Plugin:
    """Return a plugin with the kinds that it brings, and no entries yet."""
    module = source.load()
    manager = _manager(BUILT_IN)
    manager.register(module, source.name)
    kinds = _kinds(manager, known.values())
    return Plugin(source.name, module, {}, *_origin(source), kinds)


def _kinds(manager: pluggy.PluginManager, known: Iterable[Kind]) -> tuple[Kind, ...]:
    kinds = _given(manager, "lemur_register_kinds", Kind, "kinds")
    there = [*known]
    for kind in kinds:
        for target in filter(None, (kind.contract, kind.details, kind.rules)):
            Entry(kind.name, target).file()
        for other in there:
            for part in ("name", "plural", "hook"):
                if getattr(kind, part) == getattr(other, part):
                    raise PluginError(
                        f"kind {kind.name!r}: its {part} {getattr(kind, part)!r} is that of "
                        f"another kind, {other.name!r}"
                    )
        there.append(kind)
    return tuple(kinds)


def _entries_of(plugin: Plugin, kinds: Iterable[Kind]) -> dict[str, list[Entry]]:
    # A manager of its own, so that a plugin which fails half-way leaves no trace.
    manager = _manager(kinds)
    manager.register(plugin.module, plugin.name)
    manager.check_pending()
    return {kind.name: _entries(manager, kind) for kind in kinds}


def _origin(source: PluginSource) -> tuple[str, str]:
    distribution = getattr(source, "dist", None)
    return (distribution.name, distribution.version) if distribution else ("", "")


def _entries(manager: pluggy.PluginManager, kind: Kind) -> list[Entry]:
    entries = _given(manager, kind.hook, Entry, "entries")
    for entry in entries:
        if kind.in_pipelines and "_" in entry.name:
            raise PluginError(
                f"{kind.name} {entry.name!r}: '_' separates a pipeline's parts; use '-'"
            )
        entry.file()
        entry.code_file()
    for name, count in Counter(entry.name for entry in entries).items():
        if count > 1:
            raise PluginError(f"{kind.hook} gives {kind.name} {name!r} {count} times")
    return entries


def _given(
    manager: pluggy.PluginManager, hook: str, expected: type[_Registered], plural: str
) -> list[_Registered]:
    """Call a registering hook; return what it gives."""
    found: list[_Registered] = []
    for given in getattr(manager.hook, hook)():
        if not isinstance(given, Iterable):
            raise PluginError(f"{hook} gives {type(given).__name__}; expected {plural}")
        found.extend(given)
    for one in found:
        if not isinstance(one, expected):
            article = "an" if expected is Entry else "a"
            raise PluginError(f"{hook} gives {one!r}; expected {article} {expected.__name__}")
    return found
