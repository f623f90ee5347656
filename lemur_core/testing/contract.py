"""The class that plugin authors subclass, with the rules of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.entry import Entry
from lemur_core.kind import BUILT_IN, Kind
from lemur_core.testing.plugin import PluginRules, collect
from lemur_core.testing.trackers import HookRules, implemented

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest

    from lemur_core.registry import Failure


def rules_of(kinds: Iterable[Kind]) -> list[type]:
    """Return the classes with the contract tests of the kinds."""
    return [Entry(kind.name, kind.rules).load() for kind in kinds if kind.rules]


class PluginContract(PluginRules, HookRules, *rules_of(BUILT_IN)):  # type: ignore[misc]
    """Tests everything that a plugin registers.

    Attributes:
        plugin: The full name of the plugin module, for example ``"lemur_tiny.plugin"``.

    The classes of rules have more attributes and methods to override: `metric_cases` of
    `MetricRules`, which is required for every metric; `importer_place` of `ImporterRules`, which is
    required for every importer; `prepare_data` of `LoaderRules`; and `batch` of `NetRules`, for
    tasks that define no batch. If a plugin, the tested one or another, adds a kind, the rules of
    that kind are applied to its entries.
    """

    plugin = ""
    entries: dict[str, list[Entry]]
    failure: Failure | None

    def __init_subclass__(cls, **options: Any) -> None:
        """Collect the plugin as lemur does, and drop the rules of kinds without entries."""
        super().__init_subclass__(**options)
        registry = collect(cls.plugin)
        cls.failure = registry.failures[0] if registry.failures else None
        cls.brings_kinds = any(plugin.kinds for plugin in registry.plugins.values())
        cls.manager, cls.hooks = registry.manager, implemented(registry.manager)
        kinds = registry.kinds
        cls.entries = {kind: [entry for _, entry in registry.entries(kind)] for kind in kinds}
        used = (kind for kind in kinds.values() if cls.entries[kind.name])
        cls.__bases__ += tuple(rules for rules in rules_of(used) if not issubclass(cls, rules))
        all_entries = [entry for entries in cls.entries.values() for entry in entries]
        subjects: dict[str, Sequence[Any]] = {
            kind.argument: cls.entries[name] for name, kind in kinds.items()
        }
        subjects |= {"entry": all_entries, "hook": cls.hooks}
        for argument, tested in subjects.items():
            for name in [name for name in dir(cls) if name.startswith(f"test_{argument}_")]:
                setattr(cls, name, cls._rule(name) if tested else None)

    @classmethod
    def _rule(cls, name: str) -> Any:
        # A base class may have set it to None, if its own plugin had no entry of the kind.
        return next((vars(base)[name] for base in cls.__mro__ if vars(base).get(name)), None)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize each rule with the entries of its kind."""
        for kind, entries in self.entries.items():
            argument = kind.replace("-", "_")
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, entries, ids=[entry.name for entry in entries])
        if "entry" in metafunc.fixturenames:
            pairs = [(kind, entry) for kind, entries in self.entries.items() for entry in entries]
            ids = [f"{kind}-{entry.name}" for kind, entry in pairs]
            metafunc.parametrize(("kind", "entry"), pairs, ids=ids)
