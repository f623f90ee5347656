"""lemur: a dataset of neural networks and the machine that fills it.

The public interface consists of the names in ``__all__`` and these modules; ``docs/api.md``
describes both:

- `lemur_core.kinds`: one module for each kind of entry, which defines its interface.
- `lemur_core.errors`: the exceptions.
- `lemur_core.testing`: contract tests for authors of plugins.
- `lemur_core.fetch`, `lemur_core.images`: download archives and read image files, for loaders.
- `lemur_core.pretrained`: read files of pretrained weights, for nets.
- `lemur_core.labels`: check the labels of a dataset, for tasks.
- `lemur_core.options`: parse the options of entries, ``html:theme=dark``.
- `lemur_core.files`: write files atomically.
- `lemur_core.toml_file`: read TOML files, and check what is in them.
- `lemur_core.commands`: options and tables, for commands.
- `lemur_core.tables`, `lemur_core.workbooks`: write tables to files, for exporters.
- `lemur_core.code`, `lemur_core.code_facts`: the source code of nets, and facts about it in a
  database.
- `lemur_core.training`, `lemur_core.processes`: train a net in your own process, and end a process.

Everything else can change in any release. A map in the order in which to read it:

- `lemur_core.hookspecs`: the hooks that a plugin implements.
- `lemur_core.entry`: what a plugin registers. `lemur_core.kind`: the table of kinds.
- `lemur_core.discovery`, `lemur_core.registry`: find plugins, and entries by name.
- `lemur_core.pipeline`, `lemur_core.composition`: pipelines, and the selection of pipelines by
  patterns. `lemur_core.space`, `lemur_core.values`: search spaces of hyperparameters.
- `lemur_core.settings`: the settings of a campaign. `lemur_core.events`: the events it reports.
- `lemur_core.train`: train one trial. `lemur_core.search`: run the study of one pipeline.
  `lemur_core.campaign`: everything that ``lemur run`` does, from the plan to the summary.
- `lemur_core.store`: record and query results. `lemur_core.reproduction`: repeat recorded trials
  and use their nets.
- `lemur_core.cli`: the commands. `lemur_core.interactive`: ``run`` for Python.

The import rules in ``pyproject.toml`` list every module and what it may import.

Importing this package imports neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core import errors
from lemur_core.entry import Entry, entries_in
from lemur_core.hookspecs import hookimpl
from lemur_core.kind import Kind

if TYPE_CHECKING:
    from lemur_core import (
        code,
        code_facts,
        commands,
        files,
        images,
        processes,
        tables,
        training,
        workbooks,
    )
    from lemur_core.composition import compose, dataset_named
    from lemur_core.interactive import run
    from lemur_core.pattern import Pattern
    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry, installed
    from lemur_core.reproduction.confusion import Confusion, confusion
    from lemur_core.reproduction.trained import Trained, trained
    from lemur_core.settings import Settings
    from lemur_core.store.artefacts import Artefact, artefact, attach
    from lemur_core.store.collections import (
        Collection,
        CollectionSummary,
        collect,
        collection,
        collections,
    )
    from lemur_core.store.facts import record
    from lemur_core.store.importing.place import ImportedResults, import_results
    from lemur_core.store.reading.epochs import RecordedEpoch
    from lemur_core.store.reading.reader import best, data
    from lemur_core.store.reading.results import Results
    from lemur_core.store.reading.trial_frame import trials
    from lemur_core.store.recording import Recording, recording
    from lemur_core.summary import Summary
    from lemur_core.trial import Epoch, Outcome, State, Trial

__all__ = [
    "Artefact",
    "Collection",
    "CollectionSummary",
    "Confusion",
    "Entry",
    "Epoch",
    "ImportedResults",
    "Kind",
    "Outcome",
    "Pattern",
    "Pipeline",
    "RecordedEpoch",
    "Recording",
    "Registry",
    "Results",
    "Settings",
    "State",
    "Summary",
    "Trained",
    "Trial",
    "artefact",
    "attach",
    "best",
    "code",
    "code_facts",
    "collect",
    "collection",
    "collections",
    "commands",
    "compose",
    "confusion",
    "data",
    "dataset_named",
    "entries_in",
    "errors",
    "files",
    "hookimpl",
    "images",
    "import_results",
    "installed",
    "processes",
    "record",
    "recording",
    "run",
    "tables",
    "trained",
    "training",
    "trials",
    "workbooks",
]

# Imported on first use, because they need torch, pandas or other slow imports.
_LAZY = {
    "Artefact": "lemur_core.store.artefacts",
    "Collection": "lemur_core.store.collections",
    "CollectionSummary": "lemur_core.store.collections",
    "Confusion": "lemur_core.reproduction.confusion",
    "Epoch": "lemur_core.trial",
    "ImportedResults": "lemur_core.store.importing.place",
    "Outcome": "lemur_core.trial",
    "Pattern": "lemur_core.pattern",
    "Pipeline": "lemur_core.pipeline",
    "RecordedEpoch": "lemur_core.store.reading.epochs",
    "Recording": "lemur_core.store.recording",
    "Registry": "lemur_core.registry",
    "Results": "lemur_core.store.reading.results",
    "Settings": "lemur_core.settings",
    "State": "lemur_core.trial",
    "Summary": "lemur_core.summary",
    "Trained": "lemur_core.reproduction.trained",
    "Trial": "lemur_core.trial",
    "artefact": "lemur_core.store.artefacts",
    "attach": "lemur_core.store.artefacts",
    "best": "lemur_core.store.reading.reader",
    "collect": "lemur_core.store.collections",
    "collection": "lemur_core.store.collections",
    "collections": "lemur_core.store.collections",
    "compose": "lemur_core.composition",
    "confusion": "lemur_core.reproduction.confusion",
    "data": "lemur_core.store.reading.reader",
    "dataset_named": "lemur_core.composition",
    "import_results": "lemur_core.store.importing.place",
    "installed": "lemur_core.registry",
    "record": "lemur_core.store.facts",
    "recording": "lemur_core.store.recording",
    "run": "lemur_core.interactive",
    "trained": "lemur_core.reproduction.trained",
    "trials": "lemur_core.store.reading.trial_frame",
}

_MODULES = (
    "code",
    "code_facts",
    "commands",
    "files",
    "images",
    "processes",
    "tables",
    "training",
    "workbooks",
)
# Names provided by a plugin of this repository, if it is installed.
_PLUGIN_NAMES = {"check": "lemur_check.check"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lemur-core")
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"lemur_core.{name}")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _PLUGIN_NAMES:
        from lemur_core.plugin_names import import_from_plugin

        return import_from_plugin(_PLUGIN_NAMES[name], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
