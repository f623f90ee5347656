"""From settings to the pipelines of a campaign; imports none of their code."""

from __future__ import annotations

from pathlib import Path

from lemur_core.entry import entry_of_file
from lemur_core.errors import PatternError
from lemur_core.pipeline import Pattern, Pipeline, compose, demo, narrow, pattern_of
from lemur_core.registry import Registry
from lemur_core.search.settings import Settings


def plan(settings: Settings, registry: Registry) -> list[Pipeline]:
    """Return the pipelines that the settings ask for, in their order.

    Raises:
        PatternError: A pattern cannot be read or matches nothing, or there is no such net file.
        UnknownNameError: A name that is spelt out is not installed.
        MisfitError: Entries that are spelt out exclude each other.
    """
    files = [Path(text) for text in (*settings.patterns, *settings.net) if text.endswith(".py")]
    registry = _with_files(registry, files)
    patterns = wanted(settings, registry)
    if patterns:
        return compose(registry, patterns, settings.transform)
    return demo(registry, settings.transform)


def wanted(settings: Settings, registry: Registry) -> list[Pattern]:
    """Return the patterns that the settings ask for; none where they ask for the demo."""
    filters = {
        "task": settings.task,
        "dataset": settings.dataset,
        "metric": settings.metric,
        "net": tuple(_net_name(text, registry) for text in _nets(settings)),
    }
    narrowing = pattern_of(filters)
    given = [Pattern.parse(text) for text in settings.patterns if not text.endswith(".py")]
    if not given and narrowing != Pattern():
        given = [Pattern()]
    return [narrow(pattern, narrowing) for pattern in given]


def _nets(settings: Settings) -> list[str]:
    return [*settings.net, *(text for text in settings.patterns if text.endswith(".py"))]


def _net_name(text: str, registry: Registry) -> str:
    if not text.endswith(".py"):
        return text
    name = entry_of_file(Path(text)).name
    return f"file/{name}" if f"file/{name}" in registry.names("net") else name


def _with_files(registry: Registry, files: list[Path]) -> Registry:
    for file in files:
        if not file.is_file():
            raise PatternError(f"there is no net file {str(file)!r}")
    entries = {entry.target: entry for entry in map(entry_of_file, files)}
    return registry.with_entries("file", "net", entries.values()) if entries else registry
