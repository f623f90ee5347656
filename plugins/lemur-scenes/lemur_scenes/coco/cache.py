"""Cache files of arrays that take long to compute."""

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
# The errors that numpy raises for files that are damaged or not in its format.
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


def cached_arrays(
    folders: Sequence[Path],
    name: str,
    key: str,
    arrays: Collection[str],
    make: Callable[[], Arrays],
) -> Arrays:
    """Return arrays from a cache file, or compute them and write the file.

    Args:
        folders: Folders in which the file may be. It is written to the first writable one; if there
            is none, the arrays are computed each time.
        name: The name of the file.
        key: The key of the arrays; a file with another key is replaced.
        arrays: The names of the arrays.
        make: Computes the arrays.
    """
    for folder in folders:
        cached = _read(folder / name, key)
        if cached is not None and cached.keys() == set(arrays):
            return cached
    computed = make()
    for folder in folders:
        if _write(folder / name, key, computed):
            break
    return computed


def identity(file: Path) -> str:
    """Return a text that changes with a file: its name, size in bytes and modification time."""
    status = file.stat()
    return f"{file.name} {status.st_size} {status.st_mtime_ns}"


def _read(file: Path, key: str) -> Arrays | None:
    try:
        # The members of a zip file have checksums, so damage is noticed.
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
                members: dict[str, Any] = {_KEY: np.array(key), **arrays}
                np.savez(output, **members)
            os.replace(part, file)
        finally:
            with suppress(OSError):
                part.unlink()
    except OSError:
        return False
    return True
