"""The code of a net that somebody names: as a text, a file, a module, a class or an object."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from lemur_core.errors import RecordingError
from lemur_core.sources.complete import complete

# What torchvision or timm imports of itself is a hundred times as long as the net.
_INSTALLED = {"site-packages", "dist-packages"}


def given_code(code: Any) -> str:
    """Return the code of a net as one text.

    Of a file, and of what is defined in a file, it is the whole file with the modules beside it
    that it imports, as for nets of plugins. Of an installed package it is the one file.

    Args:
        code: The text itself; the path of a file, as a `Path` or a text that ends in ``.py``; or a
            module, class, function or object.

    Raises:
        RecordingError: There is no such file, or the code of an object is not known.
    """
    if isinstance(code, str) and ("\n" in code or not code.endswith(".py")):
        if not code.strip():
            raise RecordingError("code '': is empty; leave it out where it is not known")
        return code
    if isinstance(code, str | Path):
        return _of_file(Path(code), None)
    thing = code if _has_source(code) else type(code)
    module = thing if isinstance(thing, ModuleType) else sys.modules.get(thing.__module__)
    file = getattr(module, "__file__", None)
    if module is not None and file is not None and file.endswith(".py"):
        # A program that was begun with python -m is called __main__, but its spec keeps its name.
        name = module.__spec__.name if module.__spec__ else ""
        if _INSTALLED & set(Path(file).parts):
            return Path(file).read_text(encoding="utf-8")
        return _of_file(Path(file), name if "." in name else None)
    return _of_thing(thing)


def _has_source(code: Any) -> bool:
    return inspect.ismodule(code) or inspect.isclass(code) or inspect.isfunction(code)


def _of_file(file: Path, module: str | None) -> str:
    try:
        return complete(file.absolute(), module)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no UTF-8"
        raise RecordingError(f"code {str(file)!r}: cannot be read: {reason}") from None


def _of_thing(thing: Any) -> str:
    # In a notebook there is no file; Python may know the text all the same.
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        name = getattr(thing, "__qualname__", repr(thing))
        raise RecordingError(
            f"code {name}: its source is not known; give the text of it, or the path of its file"
        ) from None
