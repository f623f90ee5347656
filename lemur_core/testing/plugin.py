"""The rules of a plugin as a whole, and of every entry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from lemur_core.kind import BUILT_IN, Kind
from lemur_core.registry import Failure, Registry, installed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from lemur_core.entry import Entry

HEAVY = ("numpy", "optuna", "pandas", "scipy", "sklearn", "sqlalchemy", "torch", "torchvision")
# Run in a process of its own, as this one has imported everything already.
_LIST = """
import importlib, json, sys, types
from lemur_core.kind import BUILT_IN, Kind
from lemur_core.registry import Registry

others = [Kind(**fields) for fields in json.loads(sys.argv[2])]
registry = Registry(base=(*BUILT_IN, *others))
load = lambda: importlib.import_module(sys.argv[1])
registry.add(types.SimpleNamespace(name="plugin", load=load))
for failure in registry.failures:
    sys.exit(failure.traceback)
print(json.dumps(sorted(sys.modules)))
"""


def collect(plugin: str) -> Registry:
    """Return a registry of one plugin module, taken as lemur takes an installed one.

    It knows the kinds of entries that other installed plugins bring.
    """
    registry = Registry(base=(*BUILT_IN, *_others_kinds(plugin)))
    registry.add(_Module(plugin))
    return registry


def _others_kinds(plugin: str) -> list[Kind]:
    others = (one for one in installed().plugins.values() if one.module.__name__ != plugin)
    return [kind for other in others for kind in other.kinds]


class _Module:
    """A plugin module in place of its distribution's entry point."""

    name = "plugin"

    def __init__(self, module: str) -> None:
        self._module = module

    def load(self) -> ModuleType:
        return import_module(self._module)


class PluginRules:
    """A plugin is light, is taken whole, and lists the same entries each time."""

    plugin: str
    entries: Mapping[str, Sequence[Entry]]
    failure: Failure | None
    brings_kinds: bool

    def test_plugin_is_taken(self) -> None:
        """The module can be imported, its hooks and entries are in order."""
        assert self.plugin, 'name your plugin module: plugin = "lemur_tiny.plugin"'
        assert self.failure is None, f"{self.failure.reason}\n{self.failure.traceback}"

    def test_plugin_registers_something(self) -> None:
        """Some hook gives an entry."""
        if self.failure:
            pytest.skip("the plugin cannot be taken")
        hooks = ", ".join(kind.hook for kind in BUILT_IN)
        assert any(self.entries.values()) or self.brings_kinds, (
            f"{self.plugin} registers nothing; implement one of {hooks}, "
            "marked with lemur_core.hookimpl"
        )

    def test_plugin_is_light(self) -> None:
        """Listing what it registers imports nothing heavy."""
        if self.failure:
            pytest.skip("the plugin cannot be taken")
        others = json.dumps([asdict(kind) for kind in _others_kinds(self.plugin)])
        listed = subprocess.run(  # noqa: S603 - the author's own module
            [sys.executable, "-c", _LIST, self.plugin, others],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert listed.returncode == 0, (
            f"{self.plugin} cannot be listed in a process of its own:\n{listed.stderr}"
        )
        imported = json.loads(listed.stdout.splitlines()[-1])
        heavy = [name for name in HEAVY if name in imported]
        assert not heavy, (
            f"listing the entries of {self.plugin} imports {', '.join(heavy)}; "
            "name targets as text, and import nothing that does"
        )

    def test_plugin_lists_the_same_twice(self) -> None:
        """Its hooks have no side effects, and draw nothing from elsewhere."""
        if self.failure:
            pytest.skip("the plugin cannot be taken")
        again = collect(self.plugin)
        for kind in self.entries:
            one, two = self.entries[kind], [entry for _, entry in again.entries(kind)]
            assert one == two, (
                f"{self.plugin} lists {_named(kind, two)} when asked again, "
                f"and not {_named(kind, one)}; hooks have no side effects"
            )

    def test_entry_says_what_it_is(self, kind: str, entry: Entry) -> None:
        """It has a summary, or its module a docstring."""
        assert entry.about(), (
            f"{kind} {entry.name!r}: lemur list has nothing to say; "
            "give it a summary, or its module a docstring"
        )

    def test_entry_target_resolves(self, kind: str, entry: Entry) -> None:
        """What it names can be imported."""
        entry.load()

    def test_command_is_clicks(self, command: Entry) -> None:
        """A command is one that the command line can call."""
        import click

        found = command.load()
        assert isinstance(found, click.Command), (
            f"command {command.name!r}: {command.target} is {type(found).__name__}; "
            "expected a click.Command"
        )

    def test_estimator_can_be_called(self, estimator: Entry) -> None:
        """An estimator's target makes one."""
        assert callable(estimator.load()), f"estimator {estimator.name!r}: cannot be called"


def _named(kind: str, entries: Sequence[Entry]) -> str:
    return f"{kind} {', '.join(repr(entry.name) for entry in entries) or 'none'}"
