"""What of a source reaches beyond a net: reported to who reads it, and nothing to be relied on.

A source can reach anything without a word that is looked for here. What keeps it from doing harm is
`lemur_check.sandbox`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.code import trees_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# What nets are made of.
_USUAL = {
    "__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "einops", "enum",
    "functools", "itertools", "lemur_core", "math", "numbers", "numpy", "operator", "random", "re",
    "scipy", "statistics", "string", "timm", "torch", "torchvision", "types", "typing",
    "typing_extensions", "warnings",
}  # fmt: skip
_CALLS = {
    "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "exit", "globals", "input",
    "locals", "open", "quit", "vars",
}  # fmt: skip
_ATTRIBUTES = {
    "__builtins__", "__code__", "__globals__", "__loader__", "__reduce__", "__subclasses__",
    "ctypes", "from_file", "load_library", "load_state_dict_from_url", "hub", "cpp_extension",
}  # fmt: skip


class Finding(NamedTuple):
    """A line of a source, and what is said of it."""

    line: int
    text: str


def reaches(tree: ast.Module) -> list[Finding]:
    """Return the imports, calls and attributes that nets have no need of, line by line.

    Those of other modules in a text of several have the module's name before them, and its lines.
    """
    trees = trees_of(tree)
    found = {
        Finding(line, f"{name}: {text}" if name else text)
        for name, one in trees.items()
        for line, text in _found(one)
        # Relative imports in a text of several modules are of those modules.
        if len(trees) == 1 or not text.startswith("imports .")
    }
    return sorted(found)


def _found(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for one in names:
                    yield from _imported(node.lineno, one.name)
            case ast.ImportFrom(module=module, level=level):
                yield from _imported(node.lineno, "." * level + (module or ""))
            case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
                yield Finding(node.lineno, f"calls {name}()")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load" | "save")):
                yield Finding(node.lineno, f"calls {ast.unparse(node.func)}()")
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                yield Finding(node.lineno, f"uses .{name}")


def _imported(line: int, module: str) -> Iterator[Finding]:
    if module.partition(".")[0] not in _USUAL:
        yield Finding(line, f"imports {module}")
