"""Check by its syntax tree whether a source is a net in LEMUR's template, without running it."""

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

# No net in the dataset is a tenth as long.
MAX_CHARACTERS = 1_000_000
_LINE_END = re.compile(r"\r\n|\r|\n")
# ASCII text is the same in these encodings.
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
    """A source that is not a net in the template.

    Attributes:
        reason: What is missing or wrong.
        line: The line at fault; None if there is none.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        self.reason, self.line = reason, line
        super().__init__(f"line {line}: {reason}" if line else reason)


def check_length(code: str) -> None:
    """Raise `TemplateError` if a source is longer than `MAX_CHARACTERS`."""
    if len(code) > MAX_CHARACTERS:
        raise TemplateError(f"has {len(code):,} characters; expected {MAX_CHARACTERS:,} at most")


def parse(code: str) -> ast.Module:
    """Return a source's syntax tree.

    Raises:
        TemplateError: The source is not Python.
    """
    check_length(code)
    _check_encoding(code)
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(code)
    except SyntaxError as error:
        raise TemplateError(f"is not Python: {error.msg}", error.lineno) from None
    # NUL, lone surrogates, or brackets nested too deeply.
    except (ValueError, RecursionError, MemoryError) as error:
        raise TemplateError(f"is not Python: {error or type(error).__name__}") from None


def _check_encoding(code: str) -> None:
    """Raise `TemplateError` if Python would decode a file of this text to another text.

    The text is checked, stored and run, but Python decodes a file according to its first lines.
    """
    first = [f"{line}\n".encode(errors="replace") for line in _LINE_END.split(code, 2)[:2]]
    try:
        name = tokenize.detect_encoding(iter(first).__next__)[0]
        encoding = codecs.lookup(name).name
    except (SyntaxError, LookupError):
        raise TemplateError("declares an encoding that Python does not know", 1) from None
    if encoding != "utf-8" and not (code.isascii() and encoding in _LIKE_ASCII):
        raise TemplateError(f"declares the encoding {name}; expected UTF-8", 1)


def check_template(tree: ast.Module) -> None:
    """Raise `TemplateError` if a module cannot be a net.

    Names that are imported or computed at run time are assumed to be correct.
    """
    definitions = {name: statement for statement in tree.body for name in _names(statement)}
    for name, what in (("Net", "class Net"), (_FUNCTION, f"function {_FUNCTION}()")):
        if name not in definitions and not _imports_all(tree):
            raise TemplateError(f"has no {what}")
    function = definitions.get(_FUNCTION)
    if isinstance(function, _Function):
        _check_takes(function, _FUNCTION, ())
    if isinstance(definitions.get("Net"), _Function):
        raise TemplateError("Net is a function; expected a class", definitions["Net"].lineno)
    if isinstance(net := definitions.get("Net"), ast.ClassDef):
        _check_class(net, _Lineage.of(net, definitions))


def _check_class(net: ast.ClassDef, lineage: _Lineage) -> None:
    for method, parameters in _ARGUMENTS.items():
        if method in lineage.methods:
            _check_takes(lineage.methods[method], f"Net.{method}", ("self", *parameters))
        elif lineage.is_complete:
            raise TemplateError(f"Net has no method {method}({', '.join(parameters)})", net.lineno)
    if lineage.is_complete and not lineage.is_module:
        raise TemplateError("Net is not a torch.nn.Module", net.lineno)
    if lineage.is_complete and not lineage.methods.keys() & {"forward", "__call__"}:
        raise TemplateError("Net has no method forward(x)", net.lineno)


@dataclass(frozen=True)
class _Lineage:
    """The methods that a class defines and inherits.

    Attributes:
        methods: Methods by name; those of the class override those of its bases.
        is_complete: Whether all bases are in the same source or are torch's ``nn.Module``, and no
            class has decorators or keywords. Otherwise methods may be missing from ``methods``.
        is_module: Whether ``nn.Module`` is among the bases.
    """

    methods: dict[str, _Function]
    is_complete: bool
    is_module: bool

    @classmethod
    def of(cls, net: ast.ClassDef, definitions: dict[str, ast.stmt]) -> _Lineage:
        """Return the lineage of a class, given the definitions in its source."""
        methods: dict[str, _Function] = {}
        is_complete, is_module, pending, seen = True, False, deque([net]), {net.name}
        while pending:
            class_ = pending.popleft()
            for statement in reversed(class_.body):
                if isinstance(statement, _Function):
                    methods.setdefault(statement.name, statement)
            for base in class_.bases:
                dotted = _dotted(base)
                base_class = definitions.get(dotted)
                is_module |= dotted in _BARE - {"object"}
                # A class with the same name as its base derives from the previous definition of the
                # name.
                if isinstance(base_class, ast.ClassDef) and dotted != class_.name:
                    # A base that two classes share is visited once.
                    pending += [base_class] if dotted not in seen else []
                    seen.add(dotted)
                else:
                    is_complete &= dotted in _BARE
            is_complete &= not class_.decorator_list and not class_.keywords
        return cls(methods, is_complete, is_module)


def _dotted(base: ast.expr) -> str:
    """Return a dotted name such as ``nn.Module``, or an empty string for other expressions."""
    names: list[str] = []
    while isinstance(base, ast.Attribute):
        names.append(base.attr)
        base = base.value
    return ".".join([base.id, *reversed(names)]) if isinstance(base, ast.Name) else ""


def _check_takes(function: _Function, name: str, expected: tuple[str, ...]) -> None:
    """Raise `TemplateError` if a function cannot be called with this number of arguments."""
    arguments = function.args
    maximum = len(arguments.posonlyargs) + len(arguments.args)
    minimum = maximum - len(arguments.defaults)
    required = any(default is None for default in arguments.kw_defaults)
    count = len(expected)
    static = any(isinstance(decorator, ast.Name) for decorator in function.decorator_list)
    if static or (minimum <= count and (count <= maximum or arguments.vararg) and not required):
        return
    raise TemplateError(
        f"{name} takes ({_signature(arguments)}); expected ({', '.join(expected)})", function.lineno
    )


def _signature(arguments: ast.arguments) -> str:
    """Return arguments as the source has them, without defaults that are too complex to show."""
    try:
        return ast.unparse(arguments)
    # Nested too deeply, or an integer of more digits than Python converts.
    except (RecursionError, ValueError):
        parameters = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        return ", ".join(parameter.arg for parameter in parameters)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, including those inside an if, a try or a with."""
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name for alias in statement.names)
        case ast.Assign() | ast.AnnAssign():
            yield from (
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )
        case _:
            for child in ast.iter_child_nodes(statement):
                if isinstance(child, ast.stmt):
                    yield from _names(child)


def _imports_all(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in ast.walk(tree)
    )
