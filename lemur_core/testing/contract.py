"""The class that plugin authors subclass: the rules of every kind, for each registered entry."""

from __future__ import annotations

from typing import Any

import pytest

from lemur_core.entry import Entry
from lemur_core.registry import KINDS, Failure
from lemur_core.testing.estimators import EstimatorRules
from lemur_core.testing.loaders import LoaderRules
from lemur_core.testing.metrics import MetricRules
from lemur_core.testing.nets import NetRules
from lemur_core.testing.plugin import PluginRules, collect
from lemur_core.testing.transforms import TransformRules


class PluginContract(
    PluginRules, NetRules, LoaderRules, TransformRules, MetricRules, EstimatorRules
):
    """Tests everything that a plugin registers.

    Attributes:
        plugin: Full name of the plugin module, ``"lemur_tiny.plugin"``.

    What else can be set or overridden is said where the rules of each kind are: `metric_cases` of
    `MetricRules`, which every registered metric needs, `prepare_data` of `LoaderRules`, and `batch`
    of `NetRules` for tasks other than img-classification.
    """

    plugin = ""
    entries: dict[str, list[Entry]]
    failure: Failure | None

    def __init_subclass__(cls, **options: Any) -> None:
        """Collect the plugin as lemur does, and drop the rules of kinds that it has none of."""
        super().__init_subclass__(**options)
        registry = collect(cls.plugin)
        cls.failure = registry.failures[0] if registry.failures else None
        cls.entries = {kind: [one for _, one in registry.entries(kind)] for kind in KINDS}
        every = [entry for kind in KINDS for entry in cls.entries[kind]]
        for kind, entries in (cls.entries | {"entry": every}).items():
            for name in [name for name in dir(cls) if name.startswith(f"test_{kind}_")]:
                setattr(cls, name, cls._rule(name) if entries else None)

    @classmethod
    def _rule(cls, name: str) -> Any:
        # A class in between may have dropped it, as its own plugin had no entry of the kind.
        return next((vars(one)[name] for one in cls.__mro__ if vars(one).get(name)), None)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each rule the entries of its kind."""
        for kind, entries in self.entries.items():
            if kind in metafunc.fixturenames:
                metafunc.parametrize(kind, entries, ids=[entry.name for entry in entries])
        if "entry" in metafunc.fixturenames:
            every = [(kind, entry) for kind in KINDS for entry in self.entries[kind]]
            ids = [f"{kind}-{entry.name}" for kind, entry in every]
            metafunc.parametrize(("kind", "entry"), every, ids=ids)
