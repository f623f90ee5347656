"""``lemur new``: create a file or a plugin package from a template."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

import click

from lemur_core.cli.output import print_line, print_lines
from lemur_core.errors import SettingsError, UnknownNameError, WriteError
from lemur_core.files import write_errors
from lemur_core.scaffold.package import (
    KINDS,
    SINGLE,
    KindTemplates,
    commands_of,
    names_of,
    own_templates,
    single_file,
    write_package,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.registry import Plugin

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_STEM = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*")
EPILOG = """\b
Examples:
  lemur new net Tower                    writes Tower.py, for lemur run --net Tower.py
  lemur new metric top3
  lemur new plugin mine --kind loader,metric"""


@click.group(epilog=EPILOG)
def new() -> None:
    """Create a file with a net, loader, metric, ..., or a plugin package."""


def _single(kind: str) -> click.Command:
    """Return the command that writes a single file of a kind."""

    def command(name: str) -> None:
        path = Path(name if name.endswith(".py") else f"{name}.py")
        if not _STEM.fullmatch(path.stem):
            raise SettingsError(
                f"name {path.stem!r}: expected letters, digits and _ + -, starting with a letter"
            )
        text, use = single_file(kind, str(path))
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise SettingsError(
                f"{str(path)!r} exists, and is left as it is; choose another name"
            ) from None
        except OSError as error:
            raise SettingsError(f"{str(path)!r} cannot be written: {error.strerror}") from None
        print_lines([f"  {path}", "next:", f"  {use}"])

    article = "an" if kind[0] in "aeiou" else "a"
    decorated = click.command(kind, help=f"Write NAME.py: {article} {kind} that works at once.")
    return decorated(click.argument("name")(command))


for _kind in SINGLE:
    new.add_command(_single(_kind))


@new.command()
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    default=["net"],
    metavar="KIND[,KIND...]",
    show_default=True,
    help=f"Kinds of entries that the package registers, one entry each: {', '.join(KINDS)}, or a "
    "kind of a plugin that has templates of it.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="Folder in which the package's folder is created.",
)
def plugin(name: str, kinds: tuple[str, ...], folder: Path) -> None:
    """Create the package lemur-NAME with one entry of each --kind and the contract tests."""
    chosen = _kinds(kinds)
    short = _short(name)
    _check_free(name, short, [templates.kind for templates in chosen])
    root = folder / names_of(short)["distribution"]
    try:
        root.mkdir(parents=True)
    except OSError as error:
        raise SettingsError(
            f"{str(root)!r} cannot be created: {error.strerror}; choose another name or --folder"
        ) from None
    try:
        with write_errors(root):
            paths = write_package(root, short, chosen)
    except WriteError:
        rmtree(root, ignore_errors=True)
        raise
    for path in paths:
        print_line(f"  {path}")
    print_lines(["next:", f"  pip install -e '{root}[tests]'", f"  pytest {root}"])
    print_lines([f"  {line}" for line in commands_of(short, chosen)])


def _kinds(texts: Sequence[str]) -> list[KindTemplates]:
    """Return the templates of the kinds in texts such as ``net,metric``."""
    kinds = dict.fromkeys(part.strip() for text in texts for part in text.split(","))
    known = {kind: own_templates(kind) for kind in KINDS}
    if not kinds.keys() <= known.keys():
        known |= _templates_of_plugins()
    for kind in kinds:
        if kind not in known:
            raise UnknownNameError("kind", kind, known)
    return [known[kind] for kind in kinds]


def _templates_of_plugins() -> dict[str, KindTemplates]:
    """Return the templates of the kinds that plugins add, by kind."""
    from importlib.resources import files

    from lemur_core.registry import installed

    return {
        kind.name: KindTemplates(kind.name, files(kind.scaffold), _requirement(plugin))
        for plugin in installed().plugins.values()
        for kind in plugin.kinds
        if kind.scaffold
    }


def _requirement(plugin: Plugin) -> str:
    """Return the requirement of a plugin's distribution, in this version or a later one."""
    version = ".".join(plugin.version.split(".")[:2])
    return f"{plugin.distribution}>={version}" if plugin.distribution else ""


def _short(given: str) -> str:
    name = given.removeprefix("lemur-")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"plugin name {given!r}: expected lower-case letters and digits, "
            "starting with a letter, in parts joined by -"
        )
    return name


def _check_free(given: str, name: str, kinds: Sequence[str]) -> None:
    """Check that no installed package, and no entry of one of the kinds, has the name.

    Raises:
        SettingsError: The name is taken.
    """
    from lemur_core.cli import COMMANDS
    from lemur_core.registry import installed

    package = names_of(name)["package"]
    if find_spec(package):
        raise SettingsError(
            f"plugin name {given!r}: a package {package} is installed; choose another name"
        )
    builtin = {"command": [command.name for command in COMMANDS]}
    for kind in kinds:
        taken = {entry.name for _, entry in installed().entries(kind)}
        if name in taken.union(builtin.get(kind, ())):
            raise SettingsError(
                f"plugin name {given!r}: a {kind} {name!r} is installed; choose another name"
            )
