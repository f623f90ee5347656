"""Arrays that take long to make, kept in a file for the next time."""

from __future__ import annotations

import os
import secrets
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

Arrays = Mapping[str, NDArray[Any]]

_KEY = "key"
# What numpy raises of a file that is damaged, or none of its own.
_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    TypeError,
)


def kept(
    places: Sequence[Path],
    name: str,
    key: str,
    arrays: Collection[str],
    make: Callable[[], Arrays],
) -> Arrays:
    """Return arrays from a file, or made and put there.

    Args:
        places: Folders that the file may be in; it is put in the first that can be written, and
            where none can, made each time.
        name: Of the file.
        key: What the arrays hang on; those of another are made anew.
        arrays: Their names.
        make: Makes them.
    """
    for place in places:
        found = _read(place / name, key)
        if found is not None and found.keys() == set(arrays):
            return found
    made = make()
    for place in places:
        if _write(place / name, key, made):
            break
    return made


def identity(file: Path) -> str:
    """Return what changes with a file: its name, size in bytes, and when it was written."""
    facts = file.stat()
    return f"{file.name} {facts.st_size} {facts.st_mtime_ns}"


def _read(file: Path, key: str) -> Arrays | None:
    try:
        # Members of a zip file have checksums, and no array may be pickled.
        with file.open("rb") as content, np.load(content, allow_pickle=False) as members:
            if str(members[_KEY]) != key:
                return None
            return {name: members[name] for name in members.files if name != _KEY}
    except _DAMAGED:
        return None


def _write(file: Path, key: str, arrays: Arrays) -> bool:
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as output:
                np.savez(output, **{_KEY: np.array(key)}, **arrays)
            os.replace(part, file)
        finally:
            with suppress(OSError):
                part.unlink()
    except OSError:
        return False
    return True
