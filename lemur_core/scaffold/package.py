"""Write a plugin package from templates: files common to all packages, and those of each kind."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from shlex import quote
from string import Template
from typing import TYPE_CHECKING, NamedTuple

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
"""The core's kinds that packages can register."""
SINGLE = ("net", "loader", "metric", "transform", "estimator", "exporter", "tracker")
"""The kinds whose entries can be single files."""

_TEMPLATES = files("lemur_core.scaffold")
_PUBLIC = ("Entry", "entries_in", "hookimpl")
# Distribution that the modules of a kind import in addition to lemur_core.
_NEEDS = {"net": "torch", "loader": "torch", "transform": "torch", "metric": "torch"} | {
    "command": "click"
}


class KindTemplates(NamedTuple):
    """The templates of a kind.

    Attributes:
        kind: Name of the kind.
        folder: The folder of the templates.
        needs: The distribution that their modules import in addition to lemur_core, as a
            requirement; empty if there is none.
    """

    kind: str
    folder: Traversable
    needs: str = ""


def own_templates(kind: str) -> KindTemplates:
    """Return the templates of one of `KINDS`."""
    return KindTemplates(kind, _TEMPLATES / "kinds" / kind, _NEEDS.get(kind, ""))


def names_of(name: str) -> dict[str, str]:
    """Return the names of a plugin's package, distribution and net.

    >>> names_of("far-away")["distribution"], names_of("far-away")["package"]
    ('lemur-far-away', 'lemur_far_away')
    """
    return {
        "name": name,
        "distribution": f"lemur-{name}",
        "package": f"lemur_{name.replace('-', '_')}",
        "net": "".join(part.capitalize() for part in name.split("-")) + "Net",
        # What a single file states itself, and a package in its hooks.
        "constants": "",
        "size": "_SIZE",
    }


def single_file(kind: str, path: str) -> tuple[str, str]:
    """Return the text of a single file with an entry, and a command line that uses it.

    Args:
        kind: The kind of the entry, one of `SINGLE`.
        path: The path of the file, for the command line.
    """
    folder = own_templates(kind).folder
    package = folder / "package"
    template = package / "nets" / "net.py.tmpl" if kind == "net" else package / f"{kind}.py.tmpl"
    stem = path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    constants = _part(folder, "constants.tmpl", {})
    values = names_of("single") | {"net": stem, "constants": constants, "size": "SIZE"}
    text = Template(template.read_text(encoding="utf-8")).substitute(values)
    shown = quote(path)
    command = _part(folder, "command.tmpl", values | {"name": shown, "net": shown})
    return f"{text.rstrip()}\n", command.strip()


def write_package(root: Path, name: str, kinds: Sequence[KindTemplates]) -> list[Path]:
    """Write a package that registers an entry of each kind, with contract tests.

    Args:
        root: The folder of the package, which exists and is empty.
        name: Name of the plugin without ``lemur-``.
        kinds: The templates of the kinds, without duplicates.

    Returns:
        The paths of the files, sorted.

    Raises:
        OSError: A file cannot be written.
    """
    values = names_of(name)
    values |= _composed(kinds, values)
    written = list(_write(_TEMPLATES / "common", root, values))
    for kind in kinds:
        written += _write(kind.folder / "package", root / values["package"], values)
    return sorted(written)


def commands_of(name: str, kinds: Sequence[KindTemplates]) -> list[str]:
    """Return command lines that use the entries of each kind, without duplicates."""
    commands = (_part(kind.folder, "command.tmpl", names_of(name)) for kind in kinds)
    return list(dict.fromkeys(line for text in commands for line in text.strip().splitlines()))


def _composed(kinds: Sequence[KindTemplates], names: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of the common files that depend on the kinds."""
    hooks = "\n\n".join(_part(kind.folder, "hook.tmpl", names) for kind in kinds)
    imports = [name for name in _PUBLIC if re.search(rf"\b{name}\b", hooks)]
    libraries = sorted({kind.needs for kind in kinds if kind.needs})
    core = ".".join(version("lemur-core").split(".")[:2])
    return {
        "imports": f"from lemur_core import {', '.join(imports)}",
        "hooks": hooks,
        "cases": "".join(_part(kind.folder, "contract.tmpl", names) for kind in kinds),
        "dependencies": ", ".join(f'"{name}"' for name in (f"lemur-core>={core}", *libraries)),
        "commands": "\n".join(f"    {line}" for line in commands_of(names["name"], kinds)),
        "summary": f"{_listed([f'{kind.kind}s' for kind in kinds]).capitalize()} for lemur",
    }


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _part(folder: Traversable, file: str, values: Mapping[str, str]) -> str:
    template = folder / file
    if not template.is_file():
        return ""
    return Template(template.read_text(encoding="utf-8")).substitute(values)


def _write(template: Traversable, folder: Path, values: Mapping[str, str]) -> Iterator[Path]:
    for child in template.iterdir():
        path = folder / _file_name(child.name, values)
        if child.is_dir():
            path.mkdir()
            yield from _write(child, path, values)
        elif child.name.endswith(".tmpl"):
            text = Template(child.read_text(encoding="utf-8")).substitute(values)
            path.write_text(f"{text.rstrip()}\n", encoding="utf-8")
            yield path


def _file_name(template: str, values: Mapping[str, str]) -> str:
    names = {"package": values["package"], "net.py.tmpl": f"{values['net']}.py"}
    return names.get(template, template.removesuffix(".tmpl"))
