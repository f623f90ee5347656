"""The versions of the software that trains a net, which are recorded with each trial."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from platform import python_version
from typing import TYPE_CHECKING

import torch

from lemur_core.sources.imports import syntax_tree
from lemur_core.sources.text import trees_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.registry import Registry


def versions(registry: Registry) -> dict[str, str]:
    """Return the versions of Python, torch, the core and the plugins, by name."""
    plugins = {
        plugin.distribution: plugin.version
        for plugin in registry.plugins.values()
        if plugin.distribution
    }
    core = {"python": python_version(), "torch": torch.__version__}
    return core | {"lemur-core": version("lemur-core")} | plugins


def imported_versions(code: str) -> dict[str, str]:
    """Return the versions of the installed packages that a net's code imports, by name.

    Nothing is imported.

    Args:
        code: The complete code of a net, as `lemur_core.entry.Entry.code` returns it.
    """
    tree = syntax_tree(code.removeprefix("\ufeff"))
    imported = {
        name.partition(".")[0]
        for module in (trees_of(tree) if tree else {}).values()
        for name in _imports(module)
    }
    packages = sorted(imported - {*sys.stdlib_module_names, "torch"})
    return {name: version(name) for name in filter(None, map(_distribution_of, packages))}


def _imports(module: ast.Module) -> Iterator[str]:
    """Yield the full names of the modules that a module imports, at any level."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _distribution_of(package: str) -> str | None:
    """Return the name of the distribution that contains a package; None if there is none."""
    try:
        return distribution(package).name
    except PackageNotFoundError:
        # Reading the files of all distributions takes long, and few are named differently.
        return next(iter(packages_distributions().get(package, ())), None)
