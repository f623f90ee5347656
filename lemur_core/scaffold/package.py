"""Write a plugin package from templates: what every package has, and the files of each kind."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

KINDS = (
    "net",
    "loader",
    "transform",
    "metric",
    "estimator",
    "exporter",
    "importer",
    "command",
    "tracker",
)
"""What a package can be written with; a tracker implements life-cycle hooks, without an entry."""

_TEMPLATES = files("lemur_core.scaffold")
_PUBLIC = ("Entry", "entries_in", "hookimpl")
# What the modules of a kind import beside lemur_core.
_NEEDS = {"net": "torch", "loader": "torch", "transform": "torch", "metric": "torch"} | {
    "command": "click"
}


def names_of(name: str) -> dict[str, str]:
    """Return what a plugin's package, distribution and net are called.

    >>> names_of("far-away")["distribution"], names_of("far-away")["package"]
    ('lemur-far-away', 'lemur_far_away')
    """
    return {
        "name": name,
        "distribution": f"lemur-{name}",
        "package": f"lemur_{name.replace('-', '_')}",
        "net": "".join(part.capitalize() for part in name.split("-")) + "Net",
    }


def write_package(root: Path, name: str, kinds: Sequence[str]) -> list[Path]:
    """Write a package that registers one of each kind, and its contract tests.

    Args:
        root: The package's folder, which is there and empty.
        name: The plugin's name, without ``lemur-``.
        kinds: Of `KINDS`, each once.

    Returns:
        The files, in the order of their paths.

    Raises:
        OSError: A file cannot be written.
    """
    values = names_of(name)
    values |= _composed(kinds, values)
    written = list(_write(_TEMPLATES / "common", root, values))
    for kind in kinds:
        written += _write(_TEMPLATES / "kinds" / kind / "package", root / values["package"], values)
    return sorted(written)


def commands_of(name: str, kinds: Sequence[str]) -> list[str]:
    """Return a command line for each kind that uses what was written, without repeats."""
    commands = (_part(kind, "command.tmpl", names_of(name)).strip() for kind in kinds)
    return list(dict.fromkeys(commands))


def _composed(kinds: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of the common files that depend on the kinds."""
    hooks = "\n\n".join(_part(kind, "hook.tmpl", names) for kind in kinds)
    used = [one for one in _PUBLIC if re.search(rf"\b{one}\b", hooks)]
    needed = sorted({_NEEDS[kind] for kind in kinds if kind in _NEEDS})
    core = ".".join(version("lemur-core").split(".")[:2])
    return {
        "imports": f"from lemur_core import {', '.join(used)}",
        "hooks": hooks,
        "cases": "".join(_part(kind, "contract.tmpl", names) for kind in kinds),
        "dependencies": ", ".join(f'"{one}"' for one in (f"lemur-core>={core}", *needed)),
        "commands": "\n".join(f"    {line}" for line in commands_of(names["name"], kinds)),
        "summary": f"{_listed([f'{kind}s' for kind in kinds]).capitalize()} for lemur",
    }


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _part(kind: str, file: str, values: Mapping[str, str]) -> str:
    place = _TEMPLATES / "kinds" / kind / file
    if not place.is_file():
        return ""
    return Template(place.read_text(encoding="utf-8")).substitute(values)


def _write(template: Traversable, folder: Path, values: Mapping[str, str]) -> Iterator[Path]:
    for child in template.iterdir():
        place = folder / _renamed(child.name, values)
        if child.is_dir():
            place.mkdir()
            yield from _write(child, place, values)
        elif child.name.endswith(".tmpl"):
            text = Template(child.read_text(encoding="utf-8")).substitute(values)
            place.write_text(f"{text.rstrip()}\n", encoding="utf-8")
            yield place


def _renamed(name: str, values: Mapping[str, str]) -> str:
    known = {"package": values["package"], "net.py.tmpl": f"{values['net']}.py"}
    return known.get(name, name.removesuffix(".tmpl"))
