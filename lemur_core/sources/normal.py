"""A text for each piece of Python that is the same whatever its comments and layout are."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the meaning of a statement does not depend on, or what not every Python's trees have.
_LEFT_OUT = {
    "annotation", "ctx", "kind", "returns", "simple", "type_comment", "type_ignores", "type_params",
}  # fmt: skip


def normal_form(node: ast.AST) -> str:
    r"""Return a text of a syntax tree without comments, docstrings, annotations and layout.

    What an error says is left out too. The text is the same for every version of Python.

    >>> one = ast.parse("def f(x: int) -> int:\n    'Doc.'\n    return x+1  # why")
    >>> two = ast.parse("def f(x):\n\n    return (x + 1)")
    >>> normal_form(one) == normal_form(two)
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
            if name not in _LEFT_OUT and value is not None and value != []:
                yield f"{name}="
                yield from _forms(value)
        yield ")"
    elif isinstance(node, list):
        for one in node:
            yield from _forms(one)
            yield ","
    else:
        yield f"{type(node).__name__}:{node!r};"


def _without_docstring(node: ast.AST, body: object) -> object:
    has_docstring = isinstance(
        node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    )
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest] if has_docstring:
            return rest
    return body
