"""Empty folders that nets write to, whatever they contain."""

from __future__ import annotations

import os
import secrets
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def empty(folder: Path) -> bool:
    """Remove everything in a folder, however deeply nested, and return whether this succeeded."""
    # Inner folders are moved to the top before they are removed, so paths stay short and no
    # recursion is needed.
    names = (f"{secrets.token_hex(8)}-{number}" for number in count())
    try:
        folder.chmod(folder.stat().st_mode | 0o700)
        while entries := list(_entries(folder)):
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry)
                    continue
                os.chmod(entry, 0o700)
                for inner in _entries(entry):
                    if inner.is_dir(follow_symlinks=False):
                        # A folder can only be moved if it is writable.
                        os.chmod(inner, 0o700)
                        os.rename(inner, folder / next(names))
                    else:
                        os.unlink(inner)
                os.rmdir(entry)
    except OSError:
        return False
    return True


def _entries(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as scan:
        yield from list(scan)
