"""Whether a source is a net in LEMUR's template, by its syntax tree; nothing of it is run."""

from __future__ import annotations

import ast
import codecs
import re
import tokenize
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_core.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of no net in the dataset is the source a tenth as long.
MAX_CHARACTERS = 1_000_000
_LINE_END = re.compile(r"\r\n|\r|\n")
# What is ASCII reads the same in them.
_LIKE_ASCII = ("ascii", "iso8859-1", "iso8859-15", "cp1252")
_ARGUMENTS = {
    "__init__": ("in_shape", "out_shape", "prm", "device"),
    "train_setup": ("prm",),
    "learn": ("train_data",),
}
_FUNCTION = "supported_hyperparameters"
_BARE = {"nn.Module", "torch.nn.Module", "Module", "object"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class TemplateError(ContractError):
    """A source that is no net in the template: the line, and what is missing or wrong there."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason, self.line = reason, line
        super().__init__(f"line {line}: {reason}" if line else reason)


def check_length(code: str) -> None:
    """Raise `TemplateError` where a source is longer than any net's."""
    if len(code) > MAX_CHARACTERS:
        raise TemplateError(f"has {len(code):,} characters; expected {MAX_CHARACTERS:,} at most")


def parse(code: str) -> ast.Module:
    """Return a source's syntax tree.

    Raises:
        TemplateError: It is no Python.
    """
    check_length(code)
    _check_encoding(code)
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(code)
    except SyntaxError as error:
        raise TemplateError(f"is no Python: {error.msg}", error.lineno) from None
    # NUL and lone surrogates; brackets within brackets, without end.
    except (ValueError, RecursionError, MemoryError) as error:
        raise TemplateError(f"is no Python: {error or type(error).__name__}") from None


def _check_encoding(code: str) -> None:
    """Raise `TemplateError` where Python would read another text in a file of this one.

    The text is what is checked, kept and run; a file of it is decoded as its first lines say.
    """
    first = [f"{line}\n".encode(errors="replace") for line in _LINE_END.split(code, 2)[:2]]
    try:
        name = tokenize.detect_encoding(iter(first).__next__)[0]
        encoding = codecs.lookup(name).name
    except (SyntaxError, LookupError):
        raise TemplateError("declares an encoding that Python does not take", 1) from None
    if encoding != "utf-8" and not (code.isascii() and encoding in _LIKE_ASCII):
        raise TemplateError(f"declares the encoding {name}; expected UTF-8", 1)


def check_template(tree: ast.Module) -> None:
    """Raise `TemplateError` where a module cannot be a net.

    What is imported from elsewhere, or made when it is run, is taken to be what it should be.
    """
    named = {name: statement for statement in tree.body for name in _names(statement)}
    for name, what in (("Net", "class Net"), (_FUNCTION, f"function {_FUNCTION}()")):
        if name not in named and not _imports_all(tree):
            raise TemplateError(f"has no {what}")
    function = named.get(_FUNCTION)
    if isinstance(function, _Function):
        _check_takes(function, _FUNCTION, ())
    if isinstance(named.get("Net"), _Function):
        raise TemplateError("Net is a function; expected a class", named["Net"].lineno)
    if isinstance(net := named.get("Net"), ast.ClassDef):
        _check_class(net, _Lineage.of(net, named))


def _check_class(net: ast.ClassDef, lineage: _Lineage) -> None:
    for method, arguments in _ARGUMENTS.items():
        if method in lineage.methods:
            _check_takes(lineage.methods[method], f"Net.{method}", ("self", *arguments))
        elif lineage.known:
            raise TemplateError(f"Net has no method {method}({', '.join(arguments)})", net.lineno)
    if lineage.known and not lineage.is_module:
        raise TemplateError("Net is no torch.nn.Module", net.lineno)
    if lineage.known and not lineage.methods.keys() & {"forward", "__call__"}:
        raise TemplateError("Net has no method forward(x)", net.lineno)


@dataclass(frozen=True)
class _Lineage:
    """What a class and those above it define.

    Attributes:
        methods: By name, those of the class before those of what it derives from.
        known: Whether all it derives from is in the same source, or torch's own module.
        is_module: Whether that module is among them.
    """

    methods: dict[str, _Function]
    known: bool
    is_module: bool

    @classmethod
    def of(cls, net: ast.ClassDef, named: dict[str, ast.stmt]) -> _Lineage:
        """Return that of a class, among what its source names."""
        methods: dict[str, _Function] = {}
        known, is_module, waiting, seen = True, False, deque([net]), {net.name}
        while waiting:
            one = waiting.popleft()
            for each in reversed(one.body):
                if isinstance(each, _Function):
                    methods.setdefault(each.name, each)
            for base in one.bases:
                dotted = _dotted(base)
                above = named.get(dotted)
                is_module |= dotted in _BARE - {"object"}
                # A class that is named as its base derives from what had the name before.
                if isinstance(above, ast.ClassDef) and dotted != one.name:
                    # Two classes may share a base, which is looked at once.
                    waiting += [above] if dotted not in seen else []
                    seen.add(dotted)
                else:
                    known &= dotted in _BARE
            known &= not one.decorator_list and not one.keywords
        return cls(methods, known, is_module)


def _dotted(base: ast.expr) -> str:
    """Return a name with its attributes, ``nn.Module``; empty for any other expression."""
    names: list[str] = []
    while isinstance(base, ast.Attribute):
        names.append(base.attr)
        base = base.value
    return ".".join([base.id, *reversed(names)]) if isinstance(base, ast.Name) else ""


def _check_takes(function: _Function, name: str, wanted: tuple[str, ...]) -> None:
    """Raise `TemplateError` where a function cannot be called with so many values."""
    taken = function.args
    most = len(taken.posonlyargs) + len(taken.args)
    least = most - len(taken.defaults)
    required = any(default is None for default in taken.kw_defaults)
    count = len(wanted)
    static = any(isinstance(one, ast.Name) for one in function.decorator_list)
    if static or (least <= count and (count <= most or taken.vararg) and not required):
        return
    raise TemplateError(
        f"{name} takes ({_written(taken)}); expected ({', '.join(wanted)})", function.lineno
    )


def _written(arguments: ast.arguments) -> str:
    """Return arguments as the source has them, without defaults that no short line can show."""
    try:
        return ast.unparse(arguments)
    # Nested too deeply, or an integer of more digits than Python writes.
    except (RecursionError, ValueError):
        every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        return ", ".join(each.arg for each in every)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement gives a name to, and those within an if, a try or a with."""
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name
        case ast.Import() | ast.ImportFrom():
            yield from (one.asname or one.name for one in statement.names)
        case ast.Assign() | ast.AnnAssign():
            yield from (
                one.id
                for one in ast.walk(statement)
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
            )
        case _:
            for child in ast.iter_child_nodes(statement):
                if isinstance(child, ast.stmt):
                    yield from _names(child)


def _imports_all(tree: ast.Module) -> bool:
    return any(
        isinstance(one, ast.ImportFrom) and one.names[0].name == "*" for one in ast.walk(tree)
    )
