"""The complete code of a net as one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.sources.imports import closure, rewritten
from lemur_core.sources.namespace import Namespace
from lemur_core.sources.text import joined, package_of

if TYPE_CHECKING:
    from pathlib import Path


def complete(file: Path, module: str | None = None) -> str:
    """Return the code of a net: its module, and the modules that it imports from its own place.

    The text of a single module is that of its file.

    Args:
        file: The net's file.
        module: Its dotted name where it is imported as a module of a package; None for a file,
            whose own modules are in its folder.

    Raises:
        OSError, UnicodeDecodeError: The net's file cannot be read.
        PluginError: The file of another module cannot be read.
    """
    text = file.read_text(encoding="utf-8")
    namespace = Namespace(file, module)
    main = text.removeprefix("\ufeff")
    found = closure(namespace, main)
    if not found:
        return text
    sources = {name: one.source() for name, one in found.items()}
    package = package_of(sources)
    moved = {
        name: rewritten(source, found[name], namespace, package) for name, source in sources.items()
    }
    return joined(rewritten(main, namespace.main, namespace, package), package, moved)
