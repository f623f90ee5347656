"""The kinds of entries, in one table that plugins can extend.

`lemur_core.registry`, the registering hooks, the contract tests, ``lemur list``, ``lemur show`` and
``lemur doctor`` read this table; none of them names a kind itself. To add a kind to the core, add
a row. To add a kind in a plugin, return it from the hook ``lemur_register_kinds``:

    @hookimpl
    def lemur_register_kinds():
        return [Kind("zoo", "lemur_register_zoos", "lemur_zoo.kinds", "A population of nets")]

This plugin and all others can then register zoos with ``lemur_register_zoos``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lemur_core.errors import PluginError

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_HOOK = re.compile(r"lemur_register_[a-z0-9_]+")
# Words with another meaning in `lemur show` or the contract tests.
_RESERVED = ("collection", "entry", "hook", "kind", "pictures", "plugin", "trial")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.\w+)*(:[A-Za-z_]\w*)?")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entry, as text: listing kinds does not import the modules that they name.

    Attributes:
        name: Name in the singular, as in ``lemur list KIND``: lower-case letters, digits and
            hyphens.
        hook: Name of the hook that registers the entries; starts with ``lemur_register_``.
        contract: The module that documents the interface of the entries.
        summary: One line for people.
        plural: The name in the plural; empty appends an ``s``.
        in_pipelines: Whether the names of the entries are parts of a pipeline's name and therefore
            cannot contain ``_``.
        per_task: Whether entries serve certain tasks, which ``lemur list`` and ``lemur show``
            print.
        details: A callable ``details(entry)``, as ``"package.module:attribute"``, that yields the
            lines which ``lemur show`` adds for an entry; empty adds none.
        rules: The class of the contract tests, as ``"package.module:Class"``; empty if there are
            none. Tests named ``test_KIND_...``, with ``_`` for hyphens, run for each entry, which
            they receive as the argument ``KIND``.
        scaffold: The package of the templates from which ``lemur new plugin --kind`` writes a
            plugin with an entry of the kind; empty if there are none. It has ``hook.tmpl``,
            ``command.tmpl`` and a folder ``package``, as those of the core's kinds in
            ``lemur_core/scaffold/kinds``.

    Raises:
        PluginError: A name, hook or target is malformed.
    """

    name: str
    hook: str
    contract: str
    summary: str = ""
    plural: str = ""
    in_pipelines: bool = False
    per_task: bool = False
    details: str = ""
    rules: str = ""
    scaffold: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PluginError(
                f"kind {self.name!r}: expected lower-case letters, digits and hyphens, "
                "starting with a letter"
            )
        if self.name in _RESERVED:
            raise PluginError(f"kind {self.name!r}: the name is reserved; choose another")
        if not _HOOK.fullmatch(self.hook):
            raise PluginError(
                f"kind {self.name!r}: hook {self.hook!r}; expected lemur_register_ and a name"
            )
        names = ("contract", "details", "rules", "scaffold")
        targets = {name: getattr(self, name) for name in names}
        for field, target in targets.items():
            if (target or field == "contract") and not _TARGET.fullmatch(target):
                raise PluginError(
                    f"kind {self.name!r}: {field} {target!r} is not 'package.module' "
                    "or 'package.module:attribute'"
                )
        if not self.plural:
            object.__setattr__(self, "plural", f"{self.name}s")

    @property
    def argument(self) -> str:
        """The name of the argument with which contract tests receive an entry."""
        return self.name.replace("-", "_")


BUILT_IN = (
    Kind(
        "task",
        "lemur_register_tasks",
        "lemur_core.kinds.task",
        "A task that nets are trained for",
        in_pipelines=True,
        rules="lemur_core.testing.tasks:TaskRules",
    ),
    Kind(
        "net",
        "lemur_register_nets",
        "lemur_core.kinds.net",
        "A net, its code and its hyperparameters",
        in_pipelines=True,
        per_task=True,
        details="lemur_core.cli.details:net_details",
        rules="lemur_core.testing.nets:NetRules",
    ),
    Kind(
        "loader",
        "lemur_register_loaders",
        "lemur_core.kinds.loader",
        "A dataset",
        in_pipelines=True,
        per_task=True,
        rules="lemur_core.testing.loaders:LoaderRules",
    ),
    Kind(
        "transform",
        "lemur_register_transforms",
        "lemur_core.kinds.transform",
        "A transform of inputs",
        per_task=True,
        rules="lemur_core.testing.transforms:TransformRules",
    ),
    Kind(
        "metric",
        "lemur_register_metrics",
        "lemur_core.kinds.metric",
        "A metric of the outputs of nets",
        in_pipelines=True,
        per_task=True,
        rules="lemur_core.testing.metrics:MetricRules",
    ),
    Kind(
        "estimator",
        "lemur_register_estimators",
        "lemur_core.kinds.estimator",
        "An estimator of a trial's final score",
        details="lemur_core.cli.details:estimator_details",
        rules="lemur_core.testing.estimators:EstimatorRules",
    ),
    Kind(
        "exporter",
        "lemur_register_exporters",
        "lemur_core.kinds.exporter",
        "A format that results are written in",
        details="lemur_core.cli.details:exporter_details",
        rules="lemur_core.testing.exporters:ExporterRules",
    ),
    Kind(
        "importer",
        "lemur_register_importers",
        "lemur_core.kinds.importer",
        "A format that results are imported from",
        details="lemur_core.cli.details:importer_details",
        rules="lemur_core.testing.importers:ImporterRules",
    ),
    Kind(
        "tracker",
        "lemur_register_trackers",
        "lemur_core.kinds.tracker",
        "What passes the progress of trials on to another program",
        details="lemur_core.cli.details:tracker_details",
        rules="lemur_core.testing.trackers:TrackerRules",
    ),
    Kind(
        "command",
        "lemur_register_commands",
        "lemur_core.kinds.command",
        "A sub-command of lemur",
    ),
    Kind(
        "view",
        "lemur_register_views",
        "lemur_core.kinds.view",
        "A sub-command of lemur show",
    ),
)
"""The kinds that the core declares, in the order in which they are listed."""
