"""Find what a net uses that its recorded code lacks."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.sources.imports import imported_modules, packages_above, syntax_tree
from lemur_core.sources.namespace import Namespace, NetModuleFile, is_installed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_MAX_NAME_LENGTH = 255
_LEMUR_MODULES = ("recorded_", "_lemur_file_", "lemur_core", "__main__", "__mp_main__")


def unrecorded(file: Path, module: str | None, imported: Collection[str]) -> Iterator[str]:
    """Yield a short description of each file that a net uses and that is not recorded.

    Args:
        file: The net's file.
        module: Its dotted name if it is imported as a module of a package; None for a file.
        imported: Names of the modules that loading the net added to `sys.modules`.
    """
    namespace = Namespace(file, module)
    main = file.read_text(encoding="utf-8")
    modules = imported_modules(namespace, main)
    trees = [(namespace.main, syntax_tree(main))]
    trees += [(source, syntax_tree(source.source())) for source in modules.values()]
    for source, tree in trees:
        if tree is not None and source.file is not None:
            yield from _shadowed(tree, namespace)
            yield from _data_files(tree, source.file.parent)
    yield from _imported_by_name(imported, namespace, modules)


def imports_its_package(source: str, module: str) -> bool:
    """Return whether a module of a package imports other modules of the package."""
    package = module.partition(".")[0]
    names: list[str] = []
    tree = syntax_tree(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(package if node.level else node.module or "")
    return any(name.partition(".")[0] == package for name in names)


def _shadowed(tree: ast.Module, namespace: Namespace) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for top in (name.partition(".")[0] for name in names):
            if top and (file := namespace.shadowed(top)) is not None:
                yield f"{file}: 'import {top}' finds an installed package instead; rename it"


def _data_files(tree: ast.Module, folder: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str):
            is_name = 0 < len(text) <= _MAX_NAME_LENGTH and text.isprintable()
            if is_name and not text.endswith(".py") and (folder / text).is_file():
                yield f"{folder / text}: a file that it names"


def _imported_by_name(
    imported: Collection[str], namespace: Namespace, modules: dict[str, NetModuleFile]
) -> Iterator[str]:
    recorded = {
        module.file for module in (*modules.values(), namespace.main, *_package_modules(namespace))
    }
    for name in sorted(imported):
        origin = getattr(sys.modules.get(name), "__file__", None)
        if not origin or name.startswith(_LEMUR_MODULES):
            continue
        file = Path(origin).resolve()
        # Some modules of torch have a __file__ that does not exist.
        if not file.is_file() or file in recorded or _is_installed(file, name, namespace):
            continue
        yield f"{file}: a module that it imports by name or finds through sys.path"


def _package_modules(namespace: Namespace) -> Iterator[NetModuleFile]:
    """Yield the packages that contain a net and the modules that they import themselves."""
    for name in packages_above(namespace.main.name):
        package = namespace.find(name)
        if package is not None and package.file is not None:
            yield package
            yield from imported_modules(Namespace(package.file, name), package.source()).values()


def _is_installed(file: Path, name: str, namespace: Namespace) -> bool:
    if name.partition(".")[0] == namespace.main.name.partition(".")[0]:
        return False
    depth = name.count(".") + (file.name == "__init__.py")
    return is_installed(file, file.parents[min(depth, len(file.parents) - 1)])
