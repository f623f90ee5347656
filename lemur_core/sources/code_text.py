"""Get the code of a net from a string, a file, a module, a class or an object."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from lemur_core.errors import RecordingError
from lemur_core.sources.complete import complete

# The modules of torchvision or timm that a net imports are a hundred times as long as the net.
_INSTALLED = {"site-packages", "dist-packages"}


def code_text(code: Any) -> str:
    """Return the code of a net as one text.

    For a file, or an object defined in a file, this is the whole file with the modules beside it
    that it imports, as for nets of plugins. For an installed package, it is only the file itself.

    Args:
        code: The text itself; the path of a file, as a `Path` or a string that ends in ``.py``; or
            a module, class, function or object.

    Raises:
        RecordingError: The file does not exist, or the source of the object is not available.
    """
    if isinstance(code, str) and ("\n" in code or not code.endswith(".py")):
        if not code.strip():
            raise RecordingError("code '': is empty; omit it if it is unknown")
        return code
    if isinstance(code, str | Path):
        return _code_of_file(Path(code), None)
    definition = code if _has_source(code) else type(code)
    module = (
        definition if isinstance(definition, ModuleType) else sys.modules.get(definition.__module__)
    )
    file = getattr(module, "__file__", None)
    if module is not None and file is not None and file.endswith(".py"):
        # A program started with python -m is named __main__, but its spec has the real name.
        name = module.__spec__.name if module.__spec__ else ""
        if _INSTALLED & set(Path(file).parts):
            return Path(file).read_text(encoding="utf-8")
        return _code_of_file(Path(file), name if "." in name else None)
    return _code_of_object(definition)


def _has_source(code: Any) -> bool:
    return inspect.ismodule(code) or inspect.isclass(code) or inspect.isfunction(code)


def _code_of_file(file: Path, module: str | None) -> str:
    try:
        return complete(file.absolute(), module)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise RecordingError(f"code {str(file)!r}: cannot be read: {reason}") from None


def _code_of_object(definition: Any) -> str:
    # Code in a notebook has no file, but inspect may find its source.
    try:
        return inspect.getsource(definition)
    except (OSError, TypeError):
        name = getattr(definition, "__qualname__", repr(definition))
        raise RecordingError(
            f"code {name}: its source is not available; pass its text or the path of its file"
        ) from None
