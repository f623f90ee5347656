"""The import statements of a net's modules, and the modules that they reach."""

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
    """An import statement of which some part is a module of the net.

    Attributes:
        node: Its node in the syntax tree.
        names: The names among the net's modules of what it imports from, one for each name that
            ``import a, b`` lists and one for ``from a import b``; None for other packages.
    """

    node: ast.Import | ast.ImportFrom
    names: tuple[str | None, ...]


# CPython 3.11 counts the depth of all threads' trees together, and raises SystemError.
_ONE_AT_A_TIME = Lock()


def parsed(source: str) -> ast.Module | None:
    """Return a source's syntax tree; None where it is not Python."""
    import warnings

    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imports_of(tree: ast.Module, module: NetModuleFile, namespace: Namespace) -> Iterator[Import]:
    """Yield the statements, anywhere in a module, that import modules of the net."""
    for node in ast.walk(tree):
        names: tuple[str | None, ...]
        if isinstance(node, ast.Import):
            names = tuple(namespace.absolute(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = (_from(node, module, namespace),)
        else:
            continue
        if any(name is not None for name in names):
            yield Import(node, names)


def _from(node: ast.ImportFrom, module: NetModuleFile, namespace: Namespace) -> str | None:
    if not node.level:
        return namespace.absolute(node.module or "")
    parts = module.package.split(".") if module.package else []
    if node.level - 1 > len(parts):
        return None
    parts = parts[: len(parts) - (node.level - 1)]
    name = ".".join([*parts, node.module] if node.module else parts)
    # What is not there raises at import, wherever it is looked for.
    return name if namespace.find(name) is not None else None


def closure(namespace: Namespace, main: str) -> dict[str, NetModuleFile]:
    """Return the modules that a net imports, directly or through others, by name.

    Of packages that the net itself is in, ``__init__.py`` counts only where something is imported
    from it.

    Args:
        namespace: Where its modules are.
        main: The text of the net's own module.
    """
    found: dict[str, NetModuleFile] = {}
    waiting = [(namespace.main, main)]
    while waiting:
        module, source = waiting.pop()
        tree = parsed(source)
        for one in imports_of(tree, module, namespace) if tree else ():
            for name in _reached(one, namespace):
                new = namespace.find(name)
                if new is not None and name and name not in found:
                    found[name] = new
                    waiting.append((new, new.source()))
    for name in [*found]:
        for package in packages_above(name):
            # Not imported from: it is there for the modules in it only.
            found.setdefault(package, NetModuleFile(package, None, True))
    return dict(sorted(found.items()))


def _reached(statement: Import, namespace: Namespace) -> Iterator[str]:
    """Yield the names of the modules that a statement runs."""
    for name in statement.names:
        if name is None:
            continue
        submodules: list[str] = []
        is_explicit = True
        if isinstance(statement.node, ast.ImportFrom):
            every = [alias.name for alias in statement.node.names]
            submodules = [f"{name}.{one}".lstrip(".") for one in every if one != "*"]
            submodules = [one for one in submodules if namespace.find(one) is not None]
            is_explicit = len(submodules) < len(every)
        for package in packages_above(name):
            if not namespace.contains_main(package):
                yield package
        if is_explicit or not namespace.contains_main(name):
            yield name
        yield from submodules


def packages_above(name: str) -> Iterator[str]:
    """Yield the names of the packages that a module is in, the outermost first.

    >>> list(packages_above("a.b.c"))
    ['a', 'a.b']
    """
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts)))


def rewritten(source: str, module: NetModuleFile, namespace: Namespace, package: str) -> str:
    """Return a module's text with its imports of other modules of the net under another package.

    Each statement stays on its lines, so that line numbers are the same.

    Args:
        source: Its text.
        module: The module.
        namespace: Where the net's modules are.
        package: The package that they are in.
    """
    tree = parsed(source)
    statements = [] if tree is None else list(imports_of(tree, module, namespace))
    lines = source.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def place(line: int, column: int) -> int:
        # Columns count bytes of UTF-8.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for one in sorted(statements, key=lambda one: (one.node.lineno, one.node.col_offset))[::-1]:
        node = one.node
        start = place(node.lineno, node.col_offset)
        end = place(node.end_lineno or node.lineno, node.end_col_offset or 0)
        source = source[:start] + _moved(one, source[start:end], package) + source[end:]
    return source


def _moved(statement: Import, text: str, package: str) -> str:
    names = [None if name is None else f"{package}.{name}".rstrip(".") for name in statement.names]
    if isinstance(statement.node, ast.ImportFrom):
        match = _MODULE_PART.match(text)
        assert match is not None
        kept = "\\\n" * match[1].count("\n")
        return f"from {names[0]} {kept}import{text[match.end() :]}"
    parts = []
    for alias, name in zip(statement.node.names, names, strict=True):
        if name is None:
            parts.append(f"import {ast.unparse(alias)}")
        elif alias.asname or "." not in alias.name:
            parts.append(f"import {name} as {alias.asname or alias.name}")
        else:
            top, _, rest = alias.name.partition(".")
            parts.append(f"import {name}; import {name.removesuffix(f'.{rest}')} as {top}")
    kept = "\\\n" * text.count("\n")
    return "; ".join(parts).replace("import ", f"import {kept}", 1)
