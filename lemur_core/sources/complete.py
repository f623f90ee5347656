"""The complete code of a net as one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.sources.imports import imported_modules, rewrite_imports
from lemur_core.sources.namespace import Namespace
from lemur_core.sources.text import join_modules, package_of

if TYPE_CHECKING:
    from pathlib import Path


def complete(file: Path, module: str | None = None) -> str:
    """Return the code of a net: its module and the modules beside it that it imports.

    If the net consists of a single module, this is the text of its file.

    Args:
        file: The net's file.
        module: Its dotted name if it is imported as a module of a package; None for a file, which
            imports modules from its folder.

    Raises:
        OSError, UnicodeDecodeError: The net's file cannot be read.
        PluginError: The file of another module cannot be read.
    """
    text = file.read_text(encoding="utf-8")
    namespace = Namespace(file, module)
    main = text.removeprefix("\ufeff")
    modules = imported_modules(namespace, main)
    if not modules:
        return text
    sources = {name: imported.source() for name, imported in modules.items()}
    package = package_of(sources)
    rewritten_sources = {
        name: rewrite_imports(source, modules[name], namespace, package)
        for name, source in sources.items()
    }
    return join_modules(
        rewrite_imports(main, namespace.main, namespace, package), package, rewritten_sources
    )
