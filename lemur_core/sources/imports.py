"""Find and rewrite the import statements of a net's modules."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from lemur_core.sources.namespace import Namespace, NetModuleFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULE_PART = re.compile(r"from\b(.*?)\bimport\b", re.DOTALL)


@dataclass(frozen=True)
class Import:
    """An import statement that imports at least one module of the net.

    Attributes:
        node: Its node in the syntax tree.
        names: Names of the net's modules that it imports from: one for each name in
            ``import a, b``, and one for ``from a import b``. None stands for other packages.
    """

    node: ast.Import | ast.ImportFrom
    names: tuple[str | None, ...]


# CPython 3.11 shares one depth counter among the parsers of all threads and raises SystemError.
_PARSE_LOCK = Lock()


def syntax_tree(source: str) -> ast.Module | None:
    """Return the syntax tree of a source; None if it is not valid Python."""
    import warnings

    try:
        with _PARSE_LOCK, warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imports_of(tree: ast.Module, module: NetModuleFile, namespace: Namespace) -> Iterator[Import]:
    """Yield the statements of a module, at any level, that import modules of the net."""
    for node in ast.walk(tree):
        names: tuple[str | None, ...]
        if isinstance(node, ast.Import):
            names = tuple(namespace.absolute(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = (_module_name(node, module, namespace),)
        else:
            continue
        if any(name is not None for name in names):
            yield Import(node, names)


def _module_name(node: ast.ImportFrom, module: NetModuleFile, namespace: Namespace) -> str | None:
    if not node.level:
        return namespace.absolute(node.module or "")
    parts = module.package.split(".") if module.package else []
    if node.level - 1 > len(parts):
        return None
    parts = parts[: len(parts) - (node.level - 1)]
    name = ".".join([*parts, node.module] if node.module else parts)
    # A missing module raises an error at import, so it is not rewritten.
    return name if namespace.find(name) is not None else None


def imported_modules(namespace: Namespace, main: str) -> dict[str, NetModuleFile]:
    """Return the modules that a net imports, directly or indirectly, by name.

    The ``__init__.py`` of a package that contains the net is included only if something is imported
    from it.

    Args:
        namespace: The net's modules.
        main: The text of the net's own module.
    """
    modules: dict[str, NetModuleFile] = {}
    waiting = [(namespace.main, main)]
    while waiting:
        module, source = waiting.pop()
        tree = syntax_tree(source)
        for statement in imports_of(tree, module, namespace) if tree else ():
            for name in _executed_modules(statement, namespace):
                imported = namespace.find(name)
                if imported is not None and name and name not in modules:
                    modules[name] = imported
                    waiting.append((imported, imported.source()))
    for name in [*modules]:
        for package in packages_above(name):
            # Nothing is imported from this package; it only contains modules of the net.
            modules.setdefault(package, NetModuleFile(package, None, True))
    return dict(sorted(modules.items()))


def _executed_modules(statement: Import, namespace: Namespace) -> Iterator[str]:
    """Yield the names of the modules that a statement executes."""
    for name in statement.names:
        if name is None:
            continue
        submodules: list[str] = []
        is_explicit = True
        if isinstance(statement.node, ast.ImportFrom):
            imported = [alias.name for alias in statement.node.names]
            submodules = [f"{name}.{alias}".lstrip(".") for alias in imported if alias != "*"]
            submodules = [
                submodule for submodule in submodules if namespace.find(submodule) is not None
            ]
            is_explicit = len(submodules) < len(imported)
        for package in packages_above(name):
            if not namespace.contains_main(package):
                yield package
        if is_explicit or not namespace.contains_main(name):
            yield name
        yield from submodules


def packages_above(name: str) -> Iterator[str]:
    """Yield the names of the packages that contain a module, outermost first.

    >>> list(packages_above("a.b.c"))
    ['a', 'a.b']
    """
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def rewrite_imports(source: str, module: NetModuleFile, namespace: Namespace, package: str) -> str:
    """Rewrite a module's imports of other modules of the net to import from another package.

    Line numbers do not change.

    Args:
        source: The text of the module.
        module: The module.
        namespace: The net's modules.
        package: The package to import from.
    """
    tree = syntax_tree(source)
    statements = [] if tree is None else list(imports_of(tree, module, namespace))
    lines = source.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def offset(line: int, column: int) -> int:
        # Columns count bytes of UTF-8.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for statement in sorted(
        statements, key=lambda statement: (statement.node.lineno, statement.node.col_offset)
    )[::-1]:
        node = statement.node
        start = offset(node.lineno, node.col_offset)
        end = offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        source = (
            source[:start]
            + _rewrite_statement(statement, source[start:end], package)
            + source[end:]
        )
    return source


def _rewrite_statement(statement: Import, text: str, package: str) -> str:
    names = [None if name is None else f"{package}.{name}".rstrip(".") for name in statement.names]
    if isinstance(statement.node, ast.ImportFrom):
        match = _MODULE_PART.match(text)
        assert match is not None
        continuation = "\\\n" * match[1].count("\n")
        return f"from {names[0]} {continuation}import{text[match.end() :]}"
    parts = []
    for alias, name in zip(statement.node.names, names, strict=True):
        if name is None:
            parts.append(f"import {ast.unparse(alias)}")
        elif alias.asname or "." not in alias.name:
            parts.append(f"import {name} as {alias.asname or alias.name}")
        else:
            top, _, submodule = alias.name.partition(".")
            parts.append(f"import {name}; import {name.removesuffix(f'.{submodule}')} as {top}")
    continuation = "\\\n" * text.count("\n")
    return "; ".join(parts).replace("import ", f"import {continuation}", 1)
