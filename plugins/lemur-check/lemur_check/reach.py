"""Find constructs of a source that nets do not need, as a hint for readers.

The search is not a protection: a source can reach anything without a word that is searched for
here. Nets are kept from doing harm by `lemur_check.sandbox`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.code import trees_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# The modules that nets usually import.
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
    """A line of a source, and a remark on it."""

    line: int
    text: str


def reaches(tree: ast.Module) -> list[Finding]:
    """Return the imports, calls and attributes that nets do not need, sorted by line.

    If the source contains several modules, findings in other modules begin with the module's name,
    and their lines are those of that module.
    """
    trees = trees_of(tree)
    findings = {
        Finding(line, f"{name}: {text}" if name else text)
        for name, module_tree in trees.items()
        for line, text in _search(module_tree)
        # Relative imports in a source of several modules refer to these modules.
        if len(trees) == 1 or not text.startswith("imports .")
    }
    return sorted(findings)


def _search(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _check_import(node.lineno, alias.name)
            case ast.ImportFrom(module=module, level=level):
                yield from _check_import(node.lineno, "." * level + (module or ""))
            case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
                yield Finding(node.lineno, f"calls {name}()")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load" | "save")):
                yield Finding(node.lineno, f"calls {ast.unparse(node.func)}()")
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                yield Finding(node.lineno, f"uses .{name}")


def _check_import(line: int, module: str) -> Iterator[Finding]:
    if module.partition(".")[0] not in _USUAL:
        yield Finding(line, f"imports {module}")
