"""Make the plan of a campaign from settings, without importing its pipelines' code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.composition import compose, demo
from lemur_core.errors import MisfitError, PatternError
from lemur_core.file_entry import file_entry, is_file
from lemur_core.image_size import UsualSizes
from lemur_core.pattern import Pattern, is_wild, pattern_of
from lemur_core.restriction import with_fold, with_validation
from lemur_core.search.found_nets import summaries_of_found, with_found_nets
from lemur_core.space import FINITE_SCHEDULERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from lemur_core.entry import Entry
    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings
    from lemur_core.space import RangeSpec

# Names in place of a plugin's for entries that are files, and for entries passed to `run`.
FILES, GIVEN = "file", "given"
# A file in a list of names, which may be followed by a restriction: a.py,digits,b.py[samples=100]
_FILE_NAME = re.compile(r"[^,{}\[\]]+\.py(?=$|[,}\[])")


class LiteralNames(NamedTuple):
    """The names that the user gave in full, without a wildcard.

    Attributes:
        datasets: Names of datasets.
        metrics: Names of metrics, without their plugins.
    """

    datasets: AbstractSet[str]
    metrics: AbstractSet[str]


@dataclass(frozen=True)
class Plan:
    """The pipelines that a campaign trains, and their ranges.

    Attributes:
        pipelines: The pipelines, in the order in which they are trained.
        ranges: Ranges that replace those of the nets, by hyperparameter.
        named: The datasets and metrics that the settings name in full.
        found_nets: The summary of each net that is not installed but found by a plugin, by name.
        image_sizes: A line for each dataset of the pipelines whose images determine the size of the
            transforms that are searched.
    """

    pipelines: Sequence[Pipeline]
    ranges: Mapping[str, RangeSpec]
    named: LiteralNames
    found_nets: Mapping[str, str]
    image_sizes: Sequence[str] = ()


def plan(settings: Settings, registry: Registry) -> Plan:
    """Return the plan for the settings.

    Raises:
        PatternError: A pattern cannot be parsed or matches nothing, or a net file does not exist.
        UnknownNameError: A name without a wildcard is not installed.
        MisfitError: Entries named without a wildcard are incompatible, or an estimator cannot
            predict the scores of a metric.
        LemurError: A plugin rejects the name of a net.
    """
    selection = _Selection(settings)
    registry = with_found_nets(selection.nets, settings.db, registry)
    for kind, files in selection.files.items():
        registry = _with_files(registry, kind, files)
    registry = _with_entries(registry, settings.entries)
    sizes = UsualSizes(settings.data)
    pipelines = selection.pipelines(registry, sizes)
    if settings.estimator is not None:
        _check_predictable(pipelines)
    datasets = dict.fromkeys(pipeline.dataset for pipeline in pipelines)
    image_sizes = [*filter(None, map(sizes.line, datasets))]
    named = selection.literals("dataset")
    if (share := settings.validation) is not None:
        pipelines = _with_datasets(pipelines, lambda name: [with_validation(name, share)])
        named = {with_validation(name, share) for name in named}
    if (folds := settings.folds) is not None:
        pipelines = _with_datasets(pipelines, partial(_folds, folds=folds))
        named = {fold for name in named for fold in _folds(name, folds)}
    return Plan(
        pipelines,
        _ranges(settings, is_demo=selection.is_demo),
        LiteralNames(named, selection.metrics),
        summaries_of_found(pipelines, registry),
        image_sizes,
    )


def _check_predictable(pipelines: Sequence[Pipeline]) -> None:
    for pipeline in pipelines:
        if not pipeline.metric_entry.higher_is_better:
            raise MisfitError(
                f"metric {pipeline.metric!r}: lower is better, and estimators predict scores of "
                "which higher is better; leave out the estimator or the metric"
            )


def _ranges(settings: Settings, *, is_demo: bool) -> dict[str, RangeSpec]:
    """Return the user's ranges, and those that follow from them or belong to the demo."""
    # With larger batches, an epoch of the embedded data has too few steps.
    demo: dict[str, RangeSpec] = {"batch": "2^4..2^5", "scheduler": "onecycle"} if is_demo else {}
    ranges = demo | dict(settings.prm)
    in_points = any("scheduler_epochs" in point.prm for point in settings.points)
    if FINITE_SCHEDULERS.intersection(_names(ranges.get("scheduler", ""))) and not in_points:
        ranges.setdefault("scheduler_epochs", settings.epochs)
    return ranges


def _names(choices: RangeSpec) -> list[str]:
    """Return the texts among the choices of a range."""
    if isinstance(choices, str):
        return [text.strip() for text in choices.split(",")]
    values = choices if isinstance(choices, Sequence) else ()
    return [value for value in values if isinstance(value, str)]


def names_pipelines(settings: Settings) -> bool:
    """Return whether the settings name the datasets and nets of all pipelines, without wildcards.

    Raises:
        PatternError: A pattern cannot be parsed.
    """
    return _Selection(settings).is_named


class _Selection:
    """The patterns and filters of settings, parsed.

    Attributes:
        files: Entries that are files, by kind and by their paths as given.
        patterns: The parsed patterns.
        only: The filters, as a pattern that each pipeline must match too.
    """

    def __init__(self, settings: Settings) -> None:
        self.files: dict[str, dict[str, Entry]] = {}
        self._tasks = [task for task in settings.task if not is_wild(task)]
        self._transforms = tuple(self._names("transform", settings.transform))
        nets = [*settings.net, *filter(is_file, settings.patterns)]
        self.patterns = [Pattern.parse(text) for text in settings.patterns if not is_file(text)]
        names = [f"{FILES}/{self._name('net', text)}" if is_file(text) else text for text in nets]
        names += [f"{GIVEN}/{entry.name}" for entry in settings.entries]
        self.only = pattern_of(
            {
                "task": settings.task,
                "dataset": self._names("loader", settings.dataset),
                "metric": self._names("metric", settings.metric),
                "net": names,
            }
        )

    def _names(self, kind: str, texts: Iterable[str]) -> list[str]:
        """Return texts with the names of entries in place of files."""
        return [
            _FILE_NAME.sub(lambda match: self._name(kind, match[0].strip()), text) for text in texts
        ]

    def _name(self, kind: str, text: str) -> str:
        files = self.files.setdefault(kind, {})
        if text not in files:
            files[text] = file_entry(kind, text, self._tasks)
        return files[text].name

    @property
    def is_demo(self) -> bool:
        """Whether the settings name nothing."""
        return not self.patterns and self.only == Pattern()

    @property
    def is_named(self) -> bool:
        """Whether the dataset and net of each pipeline are named without a wildcard."""
        return all(
            _is_named(part, self.patterns) or _is_named(part, [self.only])
            for part in ("dataset", "net")
        )

    def literals(self, part: str) -> set[str]:
        """Return the names of a part that are given without a wildcard."""
        patterns = (*self.patterns, self.only)
        return {name for pattern in patterns for name in pattern.literals[part]}

    @property
    def metrics(self) -> set[str]:
        """The metrics that are named without a wildcard, without their plugins."""
        return {name.rpartition("/")[2] for name in self.literals("metric")}

    @property
    def nets(self) -> set[str]:
        """The nets that are named without a wildcard, except files and entries."""
        prefixes = (f"{FILES}/", f"{GIVEN}/")
        return {name for name in self.literals("net") if not name.startswith(prefixes)}

    def pipelines(self, registry: Registry, sizes: UsualSizes) -> list[Pipeline]:
        """Return the matching pipelines, in the order of the patterns."""
        if self.is_demo:
            return demo(registry, self._transforms)
        if not self.patterns:
            return compose(registry, [self.only], self._transforms, None, sizes)
        only = None if self.only == Pattern() else self.only
        return compose(registry, self.patterns, self._transforms, only, sizes)


def _folds(dataset: str, folds: int) -> list[str]:
    return [with_fold(dataset, fold, folds) for fold in range(1, folds + 1)]


def _with_datasets(
    pipelines: Sequence[Pipeline], names: Callable[[str], Sequence[str]]
) -> list[Pipeline]:
    """Return the pipelines with the datasets that replace each of theirs, without duplicates."""
    named = (
        replace(pipeline, dataset=dataset)
        for pipeline in pipelines
        for dataset in names(pipeline.dataset)
    )
    return list({pipeline.name: pipeline for pipeline in named}.values())


def _is_named(part: str, patterns: Sequence[Pattern]) -> bool:
    names = [name for pattern in patterns for name in getattr(pattern, part)]
    return bool(names) and not any(map(is_wild, names))


def _with_files(registry: Registry, kind: str, files: Mapping[str, Entry]) -> Registry:
    entries: dict[str, Entry] = {}
    for file, entry in files.items():
        # Two files of another kind that share a name have the same code.
        if entries.setdefault(entry.name, entry).target != entry.target and kind == "net":
            raise PatternError(f"two net files are called {entry.name!r}; rename one: {file}")
    return registry.with_entries(FILES, kind, entries.values()) if entries else registry


def _with_entries(registry: Registry, entries: Sequence[Entry]) -> Registry:
    counts = Counter(entry.name for entry in entries)
    for entry in entries:
        if counts[entry.name] > 1:
            raise PatternError(
                f"{counts[entry.name]} entries are called {entry.name!r}; expected different names"
            )
        if "_" in entry.name:
            raise PatternError(
                f"entry {entry.name!r}: '_' separates a pipeline's parts; use '-' in its name"
            )
        # Raises if its module does not exist.
        entry.file()
    return registry.with_entries(GIVEN, "net", entries) if entries else registry
