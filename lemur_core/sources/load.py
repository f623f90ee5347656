"""Load a net from its complete code."""

from __future__ import annotations

import ast
import linecache
import sys
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING

from lemur_core.errors import PluginError
from lemur_core.sources.complete import complete
from lemur_core.sources.text import split_modules

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType, ModuleType


def load_file(path: Path, text: str | None = None) -> ModuleType:
    """Execute a net's file and return its module; each call executes it again.

    Modules that it imports from its folder are taken from its complete code.

    Args:
        path: The file.
        text: Its complete code; None reads it from the file.

    Raises:
        PluginError: The file does not exist.
        Exception: Any exception that the file raises.
    """
    if text is None:
        if path.suffix != ".py" or not path.is_file():
            raise PluginError(f"there is no file {str(path)!r}")
        text = complete(path)
    return _execute(text, path, f"_lemur_file_{_digest(str(path))}")


def load_module(module: str, file: Path, text: str) -> ModuleType:
    """Execute the complete code of a module of a package, once per process, and return its module.

    The code is executed as a separate module of the same package, which does not affect imports of
    the original module. As in an import, the packages that contain it are imported first.

    Args:
        module: The module's dotted name.
        file: Its file.
        text: Its complete code.

    Raises:
        Exception: Any exception that the packages or the code raise.
    """
    package, _, stem = module.rpartition(".")
    if package:
        import_module(package)
    name = f"{package}._lemur_{stem}_{_digest(text)}".lstrip(".")
    return sys.modules[name] if name in sys.modules else _execute(text, file, name)


def _execute(text: str, file: Path, name: str) -> ModuleType:
    spec = spec_from_file_location(name, file)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        exec(_compiled(text, file), vars(module))  # noqa: S102 - importing a file is this
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _compiled(text: str, path: Path) -> CodeType:
    """Compile a net's complete code with the line numbers of its file."""
    text = text.removeprefix("\ufeff")
    parts, tree = split_modules(text), ast.parse(text, str(path))
    # `inspect.getsource`, which torch.jit.script uses for example, must return the executed code,
    # even if the file changes.
    lines = parts.main.splitlines(keepends=True)
    linecache.cache[str(path)] = len(parts.main), None, lines, str(path)
    if not parts.modules:
        return compile(tree, str(path), "exec", dont_inherit=True)
    for node in tree.body:
        if node.lineno > parts.line + parts.lines:
            ast.increment_lineno(node, -parts.lines)
        elif node.lineno > parts.line:
            for child in ast.walk(node):
                if hasattr(child, "lineno"):
                    # A position that is valid in every version of Python.
                    vars(child).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return compile(tree, str(path), "exec", dont_inherit=True)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
