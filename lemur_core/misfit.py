"""Why a pattern cannot be met: a name that is not installed, or entries that exclude each other."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING

from lemur_core.errors import MisfitError, PatternError, UnknownNameError
from lemur_core.pattern import PARTS, Pattern, own_name
from lemur_core.restriction import check_options, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.fitting import Transforms
    from lemur_core.registry import Registry

_SHOWN = 12  # names in an error line
_KIND = {"dataset": "loader", "metric": "metric", "net": "net"}


def check_names(registry: Registry, pattern: Pattern) -> None:
    """Raise where a name without a wildcard, or an option, is not installed.

    Raises:
        UnknownNameError: A data set, metric, net or task is not installed.
        PatternError: A loader lacks an option that is given.
    """
    literals = pattern.literals
    for part, kind in _KIND.items():
        for name in literals[part]:
            try:
                registry.get(kind, own_name(name))
            except UnknownNameError as error:
                known = "data set" if part == "dataset" else part
                raise UnknownNameError(known, name, error.known) from None
    for name in pattern.dataset:
        _check_options(registry, name)
    tasks = {task for _, loader in registry.entries("loader") for task in loader.tasks}
    for task in literals["task"]:
        if task not in tasks:
            raise UnknownNameError("task", task, tasks)


def _check_options(registry: Registry, name: str) -> None:
    wanted, restriction = split(name)
    loaders = [
        entry.options
        for full, entry in registry.entries("loader")
        if fnmatchcase(entry.name, wanted) or fnmatchcase(full, wanted)
    ]
    check_options(name, restriction, list(dict.fromkeys(chain(*loaders))))


def explain_misfit(
    registry: Registry, text: str, wants: Sequence[Pattern], transforms: Transforms
) -> None:
    """Raise the exact reason where entries that are named in full exclude each other."""
    literals = {part: [name for want in wants for name in want.literals[part]] for part in PARTS}
    for task in literals["task"]:
        for part, kind in _KIND.items():
            for name in map(own_name, literals[part]):
                _explain_task(registry, text, task, kind, name)
    for net_name in literals["net"]:
        for dataset in literals["dataset"]:
            loader, net = registry.get("loader", own_name(dataset)), registry.get("net", net_name)
            transforms.check_sizes(text, loader, net)


def explain_opt_in(registry: Registry, text: str, wants: Sequence[Pattern]) -> None:
    """Raise the exact reason where all nets that match are opt-in and none is named in full."""
    matching = {
        full: entry
        for full, entry in registry.entries("net")
        if all(want.matches("net", entry.name, full) for want in wants)
    }
    if matching and all(entry.opt_in for entry in matching.values()) and not named_nets(wants):
        names = sorted(entry.name for entry in matching.values())
        others = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        raise PatternError(
            f"{text}: matches opt-in nets only, which are trained only if they are named in full: "
            f"{', '.join(names[:_SHOWN])}{others}"
        )


def _explain_task(registry: Registry, text: str, task: str, kind: str, name: str) -> None:
    entry = registry.get(kind, name)
    if not entry.serves(task):
        others = [other for other, one in registry.names(kind).items() if one.serves(task)]
        word = "data set" if kind == "loader" else kind
        there = f"there {'is' if len(others) < 2 else 'are'} {', '.join(others) or 'none'}"
        raise MisfitError(
            f"{text}: {word} {name!r} serves {', '.join(entry.tasks)} only; for {task} {there}"
        )


def named_nets(wants: Sequence[Pattern]) -> set[str]:
    """Return the nets that patterns name in full."""
    return set(chain(*(want.literals["net"] for want in wants)))
