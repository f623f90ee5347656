"""Read what a single file defines as a loader, metric, transform, estimator, exporter or tracker.

The file is parsed and not executed, so a campaign can be planned without importing torch.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lemur_core.restriction import LIMITS, OPTION
from lemur_core.sources.imports import syntax_tree
from lemur_core.sources.names import Names, names_of
from lemur_core.sources.text import split_modules

if TYPE_CHECKING:
    from collections.abc import Iterator

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Rule:
    """What a file of a kind must define.

    Attributes:
        expected: The definition that is expected, for error messages.
        takes: The positional arguments with which the target is called.
        function: The name of the target; empty takes the only public class or function.
        published: The name of a function that makes the module itself the target, as in LEMUR.
        methods: The methods that the target's class must have; alternatives are separated by ``|``.
        base: The base class that the target's class must have; empty if it needs none.
        constants: The constants of the file that become fields of its entry.
    """

    expected: str
    takes: tuple[str, ...]
    function: str = ""
    published: str = ""
    methods: tuple[str, ...] = ()
    base: str = ""
    constants: tuple[str, ...] = ()


_RULES = {
    "loader": _Rule(
        "a function load(folder, task)",
        ("folder", "task"),
        "load",
        "loader",
        constants=("TASKS", "SIZE", "OPTIONS", "READY"),
    ),
    "metric": _Rule(
        "a class with reset(), update(outputs, targets) and compute()",
        ("out_shape",),
        published="create_metric",
        methods=("reset", "update|__call__", "compute|result"),
        constants=("TASKS", "HIGHER_IS_BETTER"),
    ),
    "transform": _Rule(
        "a torch.nn.Module with forward(images) or pair(image, target)",
        ("normalisation",),
        methods=("forward|pair",),
        base="torch.nn.Module",
        constants=("TASKS", "SIZE", "DTYPE", "READY"),
    ),
    "estimator": _Rule("a function make(history)", ("history",), "make"),
    "exporter": _Rule("a function export(results, path)", ("results", "path"), "export"),
    "tracker": _Rule("a subclass of lemur_core.kinds.tracker.Tracker", (), base="Tracker"),
}
KINDS = tuple(_RULES)
"""The kinds of entries, besides nets, that can be single files."""


@dataclass
class FileCode:
    """What a file defines.

    Attributes:
        attribute: The name of the entry's target in the file; empty if it is the module itself.
        fields: The fields of the entry that constants of the file set.
        faults: What the file lacks or has wrong, a few words each.
    """

    attribute: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def read_code(kind: str, stem: str, text: str) -> FileCode:
    """Return what the code of a file defines.

    Args:
        kind: The kind of the entry, one of `KINDS`.
        stem: The name of the file without ``.py``.
        text: The complete code.
    """
    code, rule = FileCode(), _RULES[kind]
    main = split_modules(text).main.removeprefix("\ufeff")
    tree = syntax_tree(main)
    if tree is None:
        code.faults.append(_syntax_fault(main))
        return code
    names = names_of(tree, "")
    for constant in rule.constants:
        if constant in names.definitions:
            _read_constant(code, constant, names.definitions[constant][-1])
    has_function = bool(rule.function) and _has(names, rule.function)
    if rule.published and _has(names, rule.published) and not has_function:
        return code
    if not rule.function or has_function:
        code.attribute = rule.function or _only(code, names, stem, rule)
    else:
        code.faults.append(f"it has no function {rule.expected.removeprefix('a function ')}")
    for statement in names.definitions.get(code.attribute, ())[-1:]:
        code.faults += _target_faults(code.attribute, statement, rule)
    return code


def _syntax_fault(text: str) -> str:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it is not Python: {error}"
    return "it is not Python"


def _has(names: Names, name: str) -> bool:
    return name in names.definitions or name in names.imports


def _only(code: FileCode, names: Names, stem: str, rule: _Rule) -> str:
    """Return the class or function that is the target; empty, with a fault, if that is unclear."""
    public = {
        name: statements[-1]
        for name, statements in names.definitions.items()
        if not name.startswith("_") and isinstance(statements[-1], _Function | ast.ClassDef)
    }
    classes = [name for name, node in public.items() if isinstance(node, ast.ClassDef)]
    for candidates in ([stem] if stem in public else [], classes, [*public]):
        if len(candidates) == 1:
            return candidates[0]
    several = classes or [*public]
    if several:
        code.faults.append(
            f"{' and '.join(several)} are public; expected one class: begin the names of the "
            f"others with _, or name one {stem}"
        )
    else:
        code.faults.append(f"it has no {rule.expected.removeprefix('a ')}")
    return ""


def _target_faults(name: str, statement: ast.stmt, rule: _Rule) -> Iterator[str]:
    if isinstance(statement, _Function):
        yield from _call_faults(f"{name}()", statement, rule.takes)
    if not isinstance(statement, ast.ClassDef):
        return
    functions = {node.name: node for node in statement.body if isinstance(node, _Function)}
    if "__init__" in functions and not rule.function:
        yield from _call_faults(f"{name}()", functions["__init__"], ("self", *rule.takes))
    bases = [ast.unparse(base) for base in statement.bases]
    if rule.base and not bases:
        yield f"class {name} is no {rule.base}"
    # Other base classes may define the methods.
    if not set(bases) <= {"object", "nn.Module", "torch.nn.Module", "Module"}:
        return
    for alternatives in rule.methods:
        choices = alternatives.split("|")
        if not any(choice in functions for choice in choices):
            yield f"class {name} has no method {choices[0]}()"


def _call_faults(name: str, function: _Function, takes: tuple[str, ...]) -> Iterator[str]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    has_room = arguments.vararg is not None or len(positional) >= len(takes)
    if required > len(takes) or not has_room:
        shown = [argument.arg for argument in positional if argument.arg != "self"]
        expected = ", ".join(argument for argument in takes if argument != "self")
        yield f"{name} takes ({', '.join(shown)}); expected ({expected})"


def _read_constant(code: FileCode, name: str, statement: ast.stmt) -> None:
    expected, is_valid = _CONSTANTS[name]
    value = getattr(statement, "value", None)
    try:
        literal = ast.literal_eval(value) if isinstance(value, ast.AST) else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        literal = None
    if isinstance(literal, list):
        literal = tuple(literal)
    if is_valid(literal):
        code.fields[name.lower()] = literal
    else:
        shown = ast.unparse(value) if isinstance(value, ast.AST) else "no value"
        code.faults.append(f"{name} is {shown}; expected {expected}")


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name for name in value)


_CONSTANTS = {
    "TASKS": ('names of tasks, for example ("img-classification",)', _are_names),
    "SIZE": ("pixels, for example 32", lambda value: type(value) is int and value > 0),
    "OPTIONS": (
        'names of options, for example ("min-pixels",)',
        lambda value: (
            _are_names(value)
            and all(OPTION.fullmatch(name) and name not in LIMITS for name in value)
        ),
    ),
    **dict.fromkeys(
        ("READY", "HIGHER_IS_BETTER"), ("True or False", lambda value: isinstance(value, bool))
    ),
    "DTYPE": ('"float32" or "complex64"', lambda value: value in ("float32", "complex64")),
}
