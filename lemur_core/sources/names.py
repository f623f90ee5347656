"""Find the names that a module defines and imports, and those that a statement uses."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Chain = tuple[str, ...]

_ANNOTATIONS = ("annotation", "returns")
_COMPOUND = (
    ast.If, ast.For, ast.While, ast.With, ast.Try, ast.TryStar, ast.Match,
    ast.ExceptHandler, ast.match_case,
)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """The names of a module.

    Attributes:
        definitions: The statements that define each name, in order.
        imports: Imported names, each with the module and the name in it; the name is empty if the
            module itself is imported.
        stars: Modules from which all names are imported with ``*``.
    """

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


def names_of(tree: ast.Module, package: str) -> Names:
    """Return the names of a module; imports are included at any level.

    Args:
        tree: The module.
        package: The package that its relative imports start from.
    """
    names = Names()
    for statement in _top_level(tree.body):
        for name in _defined(statement):
            names.definitions.setdefault(name, []).append(statement)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            _add_import(names, node)
        elif isinstance(node, ast.ImportFrom):
            _add_import_from(names, node, package)
    return names


def used_in(node: ast.AST) -> Iterator[Chain]:
    """Yield the names that a statement uses, with attributes: ``a.b.c`` is a chain of three parts.

    Annotations and ``raise`` statements are ignored.
    """
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, ast.Attribute | ast.Name) and (chain := _chain(current)):
            yield chain
        elif not isinstance(current, ast.Raise):
            for name, value in ast.iter_fields(current):
                if name not in _ANNOTATIONS:
                    values = value if isinstance(value, list) else (value,)
                    pending += [child for child in values if isinstance(child, ast.AST)]


def bases_in(statement: ast.stmt) -> Iterator[Chain]:
    """Yield the names of a class's bases, or those on the right side of an assignment."""
    match statement:
        case ast.ClassDef(bases=bases):
            for base in bases:
                yield from used_in(base)
        case ast.Assign(value=value):
            yield from used_in(value)


def _chain(node: ast.AST) -> Chain:
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name) if root := _chain(value):
            return (*root, name)
    return ()


def _top_level(nodes: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, including those in ``if``, ``for`` or ``try`` blocks."""
    for node in nodes:
        if isinstance(node, _COMPOUND):
            yield from _top_level(ast.iter_child_nodes(node))
        elif isinstance(node, ast.stmt):
            yield node


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines, or whose attributes or items it changes."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from _roots(target)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            yield from _roots(target)


def _roots(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Starred(value=value):
            yield from _roots(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _roots(part)


def _add_import(names: Names, node: ast.Import) -> None:
    for alias in node.names:
        if alias.asname:
            names.imports[alias.asname] = alias.name, ""
        else:
            top = alias.name.partition(".")[0]
            names.imports[top] = top, ""


def _add_import_from(names: Names, node: ast.ImportFrom, package: str) -> None:
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - (node.level - 1)] if node.level else []
    module = ".".join([*parts, node.module] if node.module else parts)
    for alias in node.names:
        if alias.name == "*":
            names.stars.append(module)
        else:
            names.imports[alias.asname or alias.name] = module, alias.name
