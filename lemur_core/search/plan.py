"""From settings to the pipelines of a campaign; imports none of their code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lemur_core.composition import compose, demo
from lemur_core.entry import Entry, entry_of_file
from lemur_core.errors import PatternError
from lemur_core.pattern import Pattern, pattern_of
from lemur_core.pipeline import Pipeline
from lemur_core.registry import Registry
from lemur_core.search.settings import Settings
from lemur_core.space import Given

# Plugins that are none: of nets that are files, and of those that `run` is given.
FILES, GIVEN = "file", "given"


def plan(settings: Settings, registry: Registry) -> list[Pipeline]:
    """Return the pipelines that the settings ask for, in their order.

    Raises:
        PatternError: A pattern cannot be read or matches nothing, or there is no such net file.
        UnknownNameError: A name that is spelt out is not installed.
        MisfitError: Entries that are spelt out exclude each other.
    """
    registry = _with_files(registry, [text for text in _nets(settings) if _is_file(text)])
    registry = _with_entries(registry, settings.entries)
    given, only = _patterns(settings)
    if given:
        return compose(registry, given, settings.transform, None if only == Pattern() else only)
    if only != Pattern():
        return compose(registry, [only], settings.transform)
    return demo(registry, settings.transform)


# An epoch of the embedded data has too few larger batches for a net to learn much from five.
DEMO_PRM = {"batch": "2^4..2^5"}


def ranges(settings: Settings) -> dict[str, Given]:
    """Return the ranges that replace the nets' own: the settings', and in the demo some more."""
    given, only = _patterns(settings)
    return (DEMO_PRM if not given and only == Pattern() else {}) | dict(settings.prm)


def spelt_out_datasets(settings: Settings) -> set[str]:
    """Return the data sets that the settings name without a wildcard."""
    given, only = _patterns(settings)
    return {name for pattern in (*given, only) for name in pattern.literals["dataset"]}


def spelt_out_metrics(settings: Settings) -> set[str]:
    """Return the metrics that the settings name without a wildcard, without their plugins."""
    given, only = _patterns(settings)
    named = {name for pattern in (*given, only) for name in pattern.literals["metric"]}
    return {name.rpartition("/")[2] for name in named}


def spelt_out_nets(settings: Settings) -> set[str]:
    """Return the nets that the settings name without a wildcard, but files and entries."""
    given, only = _patterns(settings)
    named = {name for pattern in (*given, only) for name in pattern.literals["net"]}
    return {name for name in named if not name.startswith((f"{FILES}/", f"{GIVEN}/"))}


def _patterns(settings: Settings) -> tuple[list[Pattern], Pattern]:
    given = [Pattern.parse(text) for text in settings.patterns if not _is_file(text)]
    nets = [f"{FILES}/{_entry(text).name}" if _is_file(text) else text for text in _nets(settings)]
    nets += [f"{GIVEN}/{entry.name}" for entry in settings.entries]
    filters = {
        "task": settings.task,
        "dataset": settings.dataset,
        "metric": settings.metric,
        "net": nets,
    }
    return given, pattern_of(filters)


def _nets(settings: Settings) -> list[str]:
    return [*settings.net, *filter(_is_file, settings.patterns)]


def _is_file(text: str) -> bool:
    return text.endswith(".py")


def _entry(text: str) -> Entry:
    return entry_of_file(Path(text).expanduser())


def _with_files(registry: Registry, files: list[str]) -> Registry:
    entries: dict[str, Entry] = {}
    for file in files:
        entry = _entry(file)
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
