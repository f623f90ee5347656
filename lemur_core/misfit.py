"""Explain why a pattern matches nothing: a missing name, or entries that exclude each other."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING

from lemur_core.errors import MisfitError, PatternError, UnknownNameError, hint
from lemur_core.pattern import PARTS, Pattern, unrestricted_name
from lemur_core.restriction import LIMITS, check_options, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.fitting import Transforms
    from lemur_core.registry import Registry

_SHOWN = 12  # names in an error line
_KIND = {"dataset": "loader", "metric": "metric", "net": "net"}


def check_names(registry: Registry, pattern: Pattern) -> None:
    """Check that the names without wildcards and the options in a pattern exist.

    Raises:
        UnknownNameError: A dataset, metric, net or task is not installed.
        PatternError: A loader does not have an option.
    """
    literals = pattern.literals
    for part, kind in _KIND.items():
        for name in literals[part]:
            try:
                registry.get(kind, unrestricted_name(name))
            except UnknownNameError as error:
                raise UnknownNameError(part, name, error.known) from None
    for name in pattern.dataset:
        _check_options(registry, name)
    tasks = {task for _, loader in registry.entries("loader") for task in loader.tasks}
    for task in literals["task"]:
        if task not in tasks:
            raise UnknownNameError("task", task, tasks)


def _check_options(registry: Registry, name: str) -> None:
    dataset, restriction = split(name)
    loaders = [
        entry.options
        for full, entry in registry.entries("loader")
        if fnmatchcase(entry.name, dataset) or fnmatchcase(full, dataset)
    ]
    if not loaders:
        _check_brackets(registry, name)
    check_options(name, restriction, list(dict.fromkeys(chain(*loaders))))


def _check_brackets(registry: Registry, name: str) -> None:
    """Raise `PatternError` if the brackets of a wildcard were probably meant as a restriction."""
    dataset, bracket, word = name.removesuffix("]").partition("[")
    names = {other for full, entry in registry.entries("loader") for other in (full, entry.name)}
    if bracket and dataset in names:
        raise PatternError(f"dataset {name!r}: unknown restriction {word!r}{hint(word, LIMITS)}")


def explain_misfit(
    registry: Registry, text: str, wants: Sequence[Pattern], transforms: Transforms
) -> None:
    """Raise `MisfitError` with the reason if entries named in patterns exclude each other."""
    literals = {part: [name for want in wants for name in want.literals[part]] for part in PARTS}
    for task in literals["task"]:
        for part, kind in _KIND.items():
            for name in map(unrestricted_name, literals[part]):
                _explain_task(registry, text, task, kind, name)
    for net_name in literals["net"]:
        for dataset in literals["dataset"]:
            loader, net = (
                registry.get("loader", unrestricted_name(dataset)),
                registry.get("net", net_name),
            )
            transforms.check_sizes(text, loader, net)


def explain_opt_in(registry: Registry, text: str, wants: Sequence[Pattern]) -> None:
    """Raise `PatternError` if all matching nets are opt-in and none is named in full."""
    matching = {
        full: entry
        for full, entry in registry.entries("net")
        if all(want.matches("net", entry.name, full) for want in wants)
    }
    if matching and all(entry.opt_in for entry in matching.values()) and not named_nets(wants):
        names = sorted(entry.name for entry in matching.values())
        others = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise PatternError(
            f"{text}: matches only opt-in nets, which are trained only if they are named in full: "
            f"{', '.join(names[:_SHOWN])}{others}"
        )


def _explain_task(registry: Registry, text: str, task: str, kind: str, name: str) -> None:
    entry = registry.get(kind, name)
    if not entry.serves(task):
        others = [other for other, match in registry.names(kind).items() if match.serves(task)]
        word = "dataset" if kind == "loader" else kind
        there = f"there {'is' if len(others) < 2 else 'are'} {', '.join(others) or 'none'}"
        raise MisfitError(
            f"{text}: {word} {name!r} serves {', '.join(entry.tasks)} only; for {task} {there}"
        )


def named_nets(wants: Sequence[Pattern]) -> set[str]:
    """Return the names of nets without wildcards in patterns."""
    return set(chain(*(want.literals["net"] for want in wants)))
