"""The class that plugin authors subclass: the rules of every kind, for each registered entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.entry import Entry
from lemur_core.kind import BUILT_IN, Kind
from lemur_core.testing.plugin import PluginRules, collect

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from lemur_core.registry import Failure


def rules_of(kinds: Iterable[Kind]) -> list[type]:
    """Return the classes of the kinds' contract tests."""
    return [Entry(kind.name, kind.rules).load() for kind in kinds if kind.rules]


class PluginContract(PluginRules, *rules_of(BUILT_IN)):  # type: ignore[misc]
    """Tests everything that a plugin registers.

    Attributes:
        plugin: Full name of the plugin module, ``"lemur_tiny.plugin"``.

    What else can be set or overridden is said where the rules of each kind are: `metric_cases` of
    `MetricRules`, which every registered metric needs, `prepare_data` of `LoaderRules`, and `batch`
    of `NetRules` for tasks other than img-classification, and `importer_place` of `ImporterRules`,
    which every importer needs. Rules of a kind that a plugin brings, the
    tested one or another, are added for the entries of that kind.
    """

    plugin = ""
    entries: dict[str, list[Entry]]
    failure: Failure | None

    def __init_subclass__(cls, **options: Any) -> None:
        """Collect the plugin as lemur does, and drop the rules of kinds that it has none of."""
        super().__init_subclass__(**options)
        registry = collect(cls.plugin)
        cls.failure = registry.failures[0] if registry.failures else None
        cls.brings_kinds = any(plugin.kinds for plugin in registry.plugins.values())
        kinds = registry.kinds
        cls.entries = {kind: [one for _, one in registry.entries(kind)] for kind in kinds}
        used = (kind for kind in kinds.values() if cls.entries[kind.name])
        cls.__bases__ += tuple(rules for rules in rules_of(used) if not issubclass(cls, rules))
        every = [entry for entries in cls.entries.values() for entry in entries]
        registered = {kind.argument: cls.entries[name] for name, kind in kinds.items()}
        for kind, entries in (registered | {"entry": every}).items():
            for name in [name for name in dir(cls) if name.startswith(f"test_{kind}_")]:
                setattr(cls, name, cls._rule(name) if entries else None)

    @classmethod
    def _rule(cls, name: str) -> Any:
        # A class in between may have dropped it, as its own plugin had no entry of the kind.
        return next((vars(one)[name] for one in cls.__mro__ if vars(one).get(name)), None)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each rule the entries of its kind."""
        for kind, entries in self.entries.items():
            argument = kind.replace("-", "_")
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, entries, ids=[entry.name for entry in entries])
        if "entry" in metafunc.fixturenames:
            every = [(kind, entry) for kind, entries in self.entries.items() for entry in entries]
            ids = [f"{kind}-{entry.name}" for kind, entry in every]
            metafunc.parametrize(("kind", "entry"), every, ids=ids)
