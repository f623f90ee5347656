"""Join several modules to one text, which can be executed from any file.

The text is the net's own module with an inserted block. The block contains the sources of the other
modules as strings and makes them importable; the import statements refer to them.
"""

from __future__ import annotations

import ast
from copy import deepcopy
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.sources.imports import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEGIN = "# The modules that this net imports, recorded with it by lemur. {"
_END = "# }"
_IMPORTER = '''\
import os as _os
import sys as _sys
from importlib.util import spec_from_loader as _spec_from_loader


class _Recorded(dict):
    """Imports the modules whose sources it holds by their names."""

    def find_spec(self, name, path=None, target=None):
        if name in self:
            packages = {module.rpartition(".")[0] for module in self}
            return _spec_from_loader(name, self, is_package=name in packages)

    def create_module(self, spec):
        return None

    def get_source(self, name):
        return self[name]

    def exec_module(self, module):
        name = module.__name__.partition(".")[2].replace(".", _os.sep)
        module.__file__ = _os.path.join(_os.path.dirname(globals().get("__file__", "")), name)
        module.__file__ += _os.sep + "__init__.py" if hasattr(module, "__path__") else ".py"
        source = self[module.__name__]
        exec(compile(source, module.__file__, "exec", dont_inherit=True), vars(module))


_recorded = _Recorded()
'''
_INSTALL = """\
for _name in _recorded:
    _sys.modules.pop(_name, None)
_sys.meta_path[:] = [_one for _one in _sys.meta_path if _one != _recorded] + [_recorded]
"""


class Parts(NamedTuple):
    """The parts of a text that joins several modules.

    Attributes:
        main: The net's own module, with the lines of its file.
        modules: Sources of the other modules by name.
        line: Number of lines before the block.
        lines: Number of lines of the block.
    """

    main: str
    modules: Mapping[str, str]
    line: int = 0
    lines: int = 0

    def line_of(self, line: int) -> int:
        """Convert a line number of the text to a line number of the net's file."""
        return line if line <= self.line else max(self.line, line - self.lines)


def package_of(sources: Mapping[str, str]) -> str:
    """Return the name of the package of recorded modules, which depends only on their sources.

    Args:
        sources: Texts of the modules by name.
    """
    content = "\0".join(f"{name}\0{source}" for name, source in sorted(sources.items()))
    return f"recorded_{sha256(content.encode(errors='surrogatepass')).hexdigest()[:12]}"


def join_modules(main: str, package: str, modules: Mapping[str, str]) -> str:
    """Return the text that joins several modules.

    Args:
        main: The net's own module.
        package: Name of the package of the other modules.
        modules: Texts of the other modules by their name in the package.
    """
    sources = {package: ""} | {f"{package}.{name}": text for name, text in modules.items()}
    assignments = "".join(
        f"_recorded[{name!r}] = {_literal(text)}\n" for name, text in sources.items()
    )
    block = f"{_BEGIN}\n{_IMPORTER}{assignments}{_INSTALL}{_END}\n"
    lines = main.split("\n")
    line = _block_start(main)
    before = "\n".join([*lines[:line], ""]) if line else ""
    return before + block + "\n".join(lines[line:])


def split_modules(text: str) -> Parts:
    """Split a text that `join_modules` returned; a single module is returned unchanged."""
    begin, end = text.find(f"{_BEGIN}\n"), text.rfind(f"\n{_END}\n")
    tree = syntax_tree(text) if 0 <= begin < end else None
    if tree is None or (begin and text[begin - 1] != "\n"):
        return Parts(text, {})
    end += len(f"\n{_END}\n")
    modules = dict(_modules(tree))
    if not modules:
        return Parts(text, {})
    lines = text[begin:end].count("\n")
    return Parts(text[:begin] + text[end:], modules, text[:begin].count("\n"), lines)


def trees_of(tree: ast.Module) -> dict[str, ast.Module]:
    """Return the syntax trees of a text's modules by name, the net's own module first as ``""``.

    The block is left out, and imports of modules of the text are made relative.
    """
    modules = _modules(tree)
    if not modules:
        return {"": tree}
    package, block = modules[0][0], [_is_of_block(node) for node in tree.body]
    begin, end = block.index(True), len(block) - block[::-1].index(True)
    main = ast.Module([*tree.body[:begin], *tree.body[end:]], [])
    others = {name.removeprefix(f"{package}."): syntax_tree(text) for name, text in modules[1:]}
    trees = {"": deepcopy(main)} | {
        name: other for name, other in others.items() if other is not None
    }
    for module in trees.values():
        _make_relative(module, package)
    return trees


def _is_of_block(node: ast.stmt) -> bool:
    match node:
        case ast.Import(names=[ast.alias("os", "_os")]):
            return True
        case ast.Assign(targets=[ast.Subscript(value=value)]):
            return ast.unparse(value) in ("_recorded", "_sys.meta_path")
    return False


def _make_relative(tree: ast.Module, package: str) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
            node.module, node.level = (node.module or "")[len(package) + 1 :] or None, 1
        elif isinstance(node, ast.alias) and node.name.startswith(f"{package}."):
            node.name = node.name.removeprefix(package)


def _modules(tree: ast.Module) -> list[tuple[str, str]]:
    modules = []
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name("_recorded"), slice=ast.Constant(str(name)))],
                value=ast.Constant(str(text)),
            ):
                modules.append((name, text))
    return modules


def _literal(text: str) -> str:
    """Return a literal for a text: a readable raw string if possible, else its repr."""
    if not text:
        return repr(text)
    for quote in ("'''", '"""'):
        literal = f"r{quote}{text}{quote}"
        tree = syntax_tree(literal)
        if tree is not None and ast.literal_eval(literal) == text:
            return literal
    return repr(text)


def _block_start(main: str) -> int:
    """Return the number of lines that the block must follow: docstring and ``__future__``."""
    tree, line = syntax_tree(main), 0
    for node in tree.body if tree else ():
        match node:
            case ast.Expr(value=ast.Constant(str())) | ast.ImportFrom(module="__future__"):
                line = node.end_lineno or line
            case _:
                break
    # Comments at the top, such as an encoding or a licence, stay at the top.
    if not line:
        for text in main.split("\n"):
            if not text.startswith("#") or text == _BEGIN:
                break
            line += 1
    return line
