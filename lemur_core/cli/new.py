"""``lemur new``: write something to begin from."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from string import Template
from typing import TYPE_CHECKING

import click

from lemur_core.cli.output import print_line, print_lines
from lemur_core.errors import SettingsError, WriteError
from lemur_core.files import write_errors

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@click.group()
def new() -> None:
    """Write something to begin from."""


@new.command()
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="Where the package's folder is made.",
)
def plugin(name: str, folder: Path) -> None:
    """Write the package lemur-NAME: one net, registered, with the contract tests."""
    names = _names(name)
    root = folder / names["distribution"]
    try:
        root.mkdir(parents=True)
    except OSError as error:
        raise SettingsError(
            f"{str(root)!r} cannot be made: {error.strerror}; choose another name or --folder"
        ) from None
    try:
        with write_errors(root):
            paths = sorted(_write(files("lemur_core.scaffold") / "plugin", root, names))
    except WriteError:
        rmtree(root, ignore_errors=True)
        raise
    for path in paths:
        print_line(f"  {path}")
    print_lines(["next:", f"  pip install -e '{root}[tests]'", f"  pytest {root}"])
    print_line(f"  lemur run --net {names['net']} --dataset digits --trials 1")


def _names(given: str) -> dict[str, str]:
    name = given.removeprefix("lemur-")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"plugin name {given!r}: expected lower-case letters and digits, "
            "beginning with a letter, in parts joined by -"
        )
    package = f"lemur_{name.replace('-', '_')}"
    if find_spec(package):
        raise SettingsError(
            f"plugin name {given!r}: a package {package} is installed; choose another name"
        )
    return {
        "name": name,
        "distribution": f"lemur-{name}",
        "package": package,
        "net": "".join(part.capitalize() for part in name.split("-")) + "Net",
        "core": ".".join(version("lemur-core").split(".")[:2]),
    }


def _write(template: Traversable, folder: Path, names: dict[str, str]) -> list[Path]:
    written = []
    for child in template.iterdir():
        place = folder / _renamed(child.name, names)
        if child.is_dir():
            place.mkdir()
            written += _write(child, place, names)
        elif child.name.endswith(".tmpl"):
            text = Template(child.read_text(encoding="utf-8")).substitute(names)
            place.write_text(text, encoding="utf-8")
            written.append(place)
    return written


def _renamed(name: str, names: dict[str, str]) -> str:
    known = {"package": names["package"], "net.py.tmpl": f"{names['net']}.py"}
    return known.get(name, name.removesuffix(".tmpl"))
