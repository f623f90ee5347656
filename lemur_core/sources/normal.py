"""A normal form of Python code that does not depend on comments and layout."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Fields that do not affect the meaning of a statement, or that some versions of Python lack.
_IGNORED_FIELDS = {
    "annotation", "ctx", "kind", "returns", "simple", "type_comment", "type_ignores", "type_params",
}  # fmt: skip


def normal_form(node: ast.AST) -> str:
    r"""Return a text form of a syntax tree without comments, docstrings, annotations and layout.

    The operands of ``raise`` statements are ignored too. The form is the same in every version of
    Python.

    >>> first = ast.parse("def f(x: int) -> int:\n    'Doc.'\n    return x+1  # why")
    >>> second = ast.parse("def f(x):\n\n    return (x + 1)")
    >>> normal_form(first) == normal_form(second)
    True
    """
    return "".join(_forms(node))


def _forms(node: object) -> Iterator[str]:
    if isinstance(node, ast.Raise):
        yield "Raise()"
    elif isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            value = _without_docstring(node, value) if name == "body" else value
            if name not in _IGNORED_FIELDS and value is not None and value != []:
                yield f"{name}="
                yield from _forms(value)
        yield ")"
    elif isinstance(node, list):
        for item in node:
            yield from _forms(item)
            yield ","
    else:
        yield f"{type(node).__name__}:{node!r};"


def _without_docstring(node: ast.AST, body: object) -> object:
    has_docstring = isinstance(
        node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    )
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *statements] if has_docstring:
            return statements
    return body
