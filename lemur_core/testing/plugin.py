"""The rules of plugins as a whole, and of entries of every kind."""

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
# Runs in a separate process, because this one has already imported everything.
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
    """Return a registry of one plugin module, collected as lemur collects an installed plugin.

    The registry knows the kinds of entries that other installed plugins add.
    """
    registry = Registry(base=(*BUILT_IN, *_others_kinds(plugin)))
    registry.add(_Module(plugin))
    return registry


def _others_kinds(plugin: str) -> list[Kind]:
    others = (other for other in installed().plugins.values() if other.module.__name__ != plugin)
    return [kind for other in others for kind in other.kinds]


class _Module:
    """Stands for the entry point of a distribution, but loads a given plugin module."""

    name = "plugin"

    def __init__(self, module: str) -> None:
        self._module = module

    def load(self) -> ModuleType:
        return import_module(self._module)


class PluginRules:
    """A plugin imports nothing heavy, is accepted, and always lists the same entries."""

    plugin: str
    entries: Mapping[str, Sequence[Entry]]
    failure: Failure | None
    brings_kinds: bool
    hooks: Sequence[str]

    def test_plugin_is_taken(self) -> None:
        """The module can be imported, and its hooks and entries are valid."""
        assert self.plugin, 'name your plugin module: plugin = "lemur_tiny.plugin"'
        assert self.failure is None, f"{self.failure.reason}\n{self.failure.traceback}"

    def test_plugin_registers_something(self) -> None:
        """A hook returns an entry or a kind, or is one of the life-cycle hooks."""
        if self.failure:
            pytest.skip("the plugin cannot be loaded")
        hooks = ", ".join(kind.hook for kind in BUILT_IN)
        assert any(self.entries.values()) or self.brings_kinds or self.hooks, (
            f"{self.plugin} registers nothing; implement one of {hooks}, or a life-cycle hook, "
            "marked with lemur_core.hookimpl"
        )

    def test_plugin_is_light(self) -> None:
        """Listing its entries imports nothing heavy."""
        if self.failure:
            pytest.skip("the plugin cannot be loaded")
        others = json.dumps([asdict(kind) for kind in _others_kinds(self.plugin)])
        listed = subprocess.run(  # noqa: S603 - the author's own module
            [sys.executable, "-c", _LIST, self.plugin, others],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert listed.returncode == 0, (
            f"{self.plugin} cannot be listed in a separate process:\n{listed.stderr}"
        )
        imported = json.loads(listed.stdout.splitlines()[-1])
        heavy = [name for name in HEAVY if name in imported]
        assert not heavy, (
            f"listing the entries of {self.plugin} imports {', '.join(heavy)}; "
            "name targets as strings, and import nothing that imports them"
        )

    def test_plugin_lists_the_same_twice(self) -> None:
        """Its hooks have no side effects, and do not depend on changing state."""
        if self.failure:
            pytest.skip("the plugin cannot be loaded")
        registry = collect(self.plugin)
        for kind, before in self.entries.items():
            after = [entry for _, entry in registry.entries(kind)]
            assert before == after, (
                f"{self.plugin} lists {_names(kind, after)} when asked again, "
                f"and not {_names(kind, before)}; hooks have no side effects"
            )

    def test_entry_says_what_it_is(self, kind: str, entry: Entry) -> None:
        """The entry has a summary, or the module of its target has a docstring."""
        assert entry.about(), (
            f"{kind} {entry.name!r}: lemur list has nothing to say; "
            "give it a summary, or its module a docstring"
        )

    def test_entry_target_resolves(self, kind: str, entry: Entry) -> None:
        """The target of the entry can be imported."""
        entry.load()

    def test_view_is_clicks(self, view: Entry) -> None:
        """The target of a view is a click.Command."""
        _check_clicks("view", view)

    def test_command_is_clicks(self, command: Entry) -> None:
        """The target of a command is a click.Command."""
        _check_clicks("command", command)

    def test_estimator_can_be_called(self, estimator: Entry) -> None:
        """The target of an estimator is callable."""
        assert callable(estimator.load()), f"estimator {estimator.name!r}: cannot be called"


def _check_clicks(kind: str, entry: Entry) -> None:
    import click

    target = entry.load()
    assert isinstance(target, click.Command), (
        f"{kind} {entry.name!r}: {entry.target} is {type(target).__name__}; "
        "expected a click.Command"
    )


def _names(kind: str, entries: Sequence[Entry]) -> str:
    return f"{kind} {', '.join(repr(entry.name) for entry in entries) or 'none'}"
