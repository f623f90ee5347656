"""Run a net from the text that is recorded of it."""

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
from lemur_core.sources.text import parts_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType, ModuleType


def load_file(path: Path, text: str | None = None) -> ModuleType:
    """Run a net's file and return its module; each call runs it again.

    Modules that it imports from its folder are those of its complete code.

    Args:
        path: The file.
        text: Its complete code; None reads it.

    Raises:
        PluginError: There is no such file.
        Exception: Whatever the file raises.
    """
    if text is None:
        if path.suffix != ".py" or not path.is_file():
            raise PluginError(f"there is no file {str(path)!r}")
        text = complete(path)
    return _run(text, path, f"_lemur_file_{_digest(str(path))}")


def load_module(module: str, file: Path, text: str) -> ModuleType:
    """Run the complete code of a module of a package, once per process, and return its module.

    It runs as another module of the same package, so that it leaves alone what others import under
    the module's own name. The packages that it is in are imported first, as Python does.

    Args:
        module: The module's dotted name.
        file: Its file.
        text: Its complete code.

    Raises:
        Exception: Whatever the packages or the text raise.
    """
    package, _, stem = module.rpartition(".")
    if package:
        import_module(package)
    name = f"{package}._lemur_{stem}_{_digest(text)}".lstrip(".")
    return sys.modules[name] if name in sys.modules else _run(text, file, name)


def _run(text: str, file: Path, name: str) -> ModuleType:
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
    """Compile a net's complete code, with the line numbers of its own file."""
    text = text.removeprefix("\ufeff")
    parts, tree = parts_of(text), ast.parse(text, str(path))
    # What `inspect.getsource` gives, to torch.jit.script for example, is what runs, whatever the
    # file holds by then.
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
                    # A position that every Python takes.
                    vars(child).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return compile(tree, str(path), "exec", dont_inherit=True)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
