"""From settings to the plan of a campaign; imports none of the code of its pipelines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.composition import compose, demo
from lemur_core.entry import Entry, entry_of_file
from lemur_core.errors import PatternError
from lemur_core.pattern import Pattern, pattern_of
from lemur_core.search.found_nets import found_in, with_found_nets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings
    from lemur_core.space import Given

# Plugins that are none: of nets that are files, and of those that `run` is given.
FILES, GIVEN = "file", "given"
# An epoch of the embedded data has too few larger batches for a net to learn much from five.
DEMO_PRM = {"batch": "2^4..2^5"}


class LiteralNames(NamedTuple):
    """The names that a command gives in full, without a wildcard.

    Attributes:
        datasets: Of data sets.
        metrics: Of metrics, without their plugins.
    """

    datasets: AbstractSet[str]
    metrics: AbstractSet[str]


@dataclass(frozen=True)
class Plan:
    """What a campaign trains.

    Attributes:
        pipelines: In the order in which they are trained.
        ranges: Ranges that replace those of the nets, by hyperparameter.
        named: The data sets and metrics that the settings name in full.
        found: How each net was found that is not installed and that a plugin found, by name.
    """

    pipelines: Sequence[Pipeline]
    ranges: Mapping[str, Given]
    named: LiteralNames
    found: Mapping[str, str]


def plan(settings: Settings, registry: Registry) -> Plan:
    """Return what the settings ask for.

    Raises:
        PatternError: A pattern cannot be read or matches nothing, or there is no such net file.
        UnknownNameError: A name without a wildcard is not installed.
        MisfitError: Entries that are named without a wildcard exclude each other.
        LemurError: A plugin says what is wrong with the name of a net.
    """
    wanted = _Wanted(settings)
    registry = with_found_nets(wanted.nets, settings.db, registry)
    registry = _with_files(registry, wanted.files)
    registry = _with_entries(registry, settings.entries)
    pipelines = wanted.pipelines(registry)
    return Plan(
        pipelines,
        (DEMO_PRM if wanted.is_demo else {}) | dict(settings.prm),
        LiteralNames(wanted.literals("dataset"), wanted.metrics),
        found_in(pipelines, registry),
    )


class _Wanted:
    """The patterns and filters of settings, parsed.

    Attributes:
        files: Entries of the nets that are files, by the paths that were given.
        given: The patterns.
        only: What the filters ask for: a pattern that each pipeline must match too.
    """

    def __init__(self, settings: Settings) -> None:
        self._transforms = settings.transform
        nets = [*settings.net, *filter(_is_file, settings.patterns)]
        self.given = [Pattern.parse(text) for text in settings.patterns if not _is_file(text)]
        self.files = {
            text: entry_of_file(Path(text).expanduser()) for text in nets if _is_file(text)
        }
        named = [f"{FILES}/{self.files[text].name}" if _is_file(text) else text for text in nets]
        named += [f"{GIVEN}/{entry.name}" for entry in settings.entries]
        self.only = pattern_of(
            {
                "task": settings.task,
                "dataset": settings.dataset,
                "metric": settings.metric,
                "net": named,
            }
        )

    @property
    def is_demo(self) -> bool:
        """Whether nothing is named."""
        return not self.given and self.only == Pattern()

    def literals(self, part: str) -> set[str]:
        """Return the names of a part that are given without a wildcard."""
        return {name for pattern in (*self.given, self.only) for name in pattern.literals[part]}

    @property
    def metrics(self) -> set[str]:
        """The metrics that are named without a wildcard, without their plugins."""
        return {name.rpartition("/")[2] for name in self.literals("metric")}

    @property
    def nets(self) -> set[str]:
        """The nets that are named without a wildcard, but files and entries."""
        ours = (f"{FILES}/", f"{GIVEN}/")
        return {name for name in self.literals("net") if not name.startswith(ours)}

    def pipelines(self, registry: Registry) -> list[Pipeline]:
        """Return the pipelines of what is installed, in the order of the patterns."""
        if self.is_demo:
            return demo(registry, self._transforms)
        if not self.given:
            return compose(registry, [self.only], self._transforms)
        only = None if self.only == Pattern() else self.only
        return compose(registry, self.given, self._transforms, only)


def _is_file(text: str) -> bool:
    return text.endswith(".py")


def _with_files(registry: Registry, files: Mapping[str, Entry]) -> Registry:
    entries: dict[str, Entry] = {}
    for file, entry in files.items():
        if not Path(entry.target).is_file():
            raise PatternError(f"there is no net file {file!r}")
        if entries.setdefault(entry.name, entry).target != entry.target:
            raise PatternError(f"two net files are called {entry.name!r}; rename one: {file}")
    return registry.with_entries(FILES, "net", entries.values()) if entries else registry


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
        # Raises where its module is not there.
        entry.file()
    return registry.with_entries(GIVEN, "net", entries) if entries else registry
