"""Run a net that is a file of its own, from the text that is recorded of it."""

from __future__ import annotations

import ast
import sys
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

from lemur_core.errors import PluginError
from lemur_core.sources.complete import complete
from lemur_core.sources.text import parts_of


def load_file(path: Path) -> ModuleType:
    """Run a file and return its module; each call runs it again.

    Modules that it imports from its folder are those of its complete code.

    Raises:
        PluginError: There is no such file.
        Exception: Whatever the file raises.
    """
    name = f"_lemur_file_{sha256(str(path).encode()).hexdigest()[:16]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"there is no file {str(path)!r}")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        text = complete(path)
        if text == path.read_text(encoding="utf-8"):
            spec.loader.exec_module(module)
        else:
            exec(_compiled(text, path), vars(module))  # noqa: S102 - importing a file is this
    except Exception:
        del sys.modules[name]
        raise
    return module


def _compiled(text: str, path: Path) -> CodeType:
    """Compile a text of several modules, with the line numbers of the net's file."""
    parts, tree = parts_of(text), ast.parse(text, str(path))
    for node in tree.body:
        if node.lineno > parts.line + parts.lines:
            ast.increment_lineno(node, -parts.lines)
        elif node.lineno > parts.line:
            for child in ast.walk(node):
                if hasattr(child, "lineno"):
                    # A position that every Python takes.
                    vars(child).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return compile(tree, str(path), "exec", dont_inherit=True)
