"""Snapshots of the code of entries, and checks that a process imported the same code."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING

from lemur_core.errors import CodeChangedError, LemurError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

# The digest of each module's file when this process imported it.
_IMPORTED: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The code of an entry at the time it was read.

    Attributes:
        text: The code that is recorded.
        digests: Name of each module that loading the entry imports, and the digest of its file at
            that time; empty if loading the entry executes ``text`` instead.
    """

    text: str
    digests: tuple[tuple[str, str], ...] = ()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    return sha256(content).hexdigest()


def import_noted(module: str, read: Callable[[str], bytes]) -> ModuleType:
    """Import a module and remember the digest of the file that this process imported.

    Args:
        module: Name of the module.
        read: Function that reads the file of a module.

    Raises:
        Exception: Any exception that the module raises.
    """
    if module in _IMPORTED:
        return import_module(module)
    before = _digest(module, read)
    imported = import_module(module)
    # If the file is edited during the import, it is unknown which content was imported.
    _IMPORTED[module] = before if _digest(module, read) == before else ""
    return imported


def _digest(module: str, read: Callable[[str], bytes]) -> str:
    try:
        return digest_of(read(module))
    # The module has no file, or it is missing and importing it raises a better error.
    except (LemurError, OSError, ValueError):
        return ""


def check_imported(name: str, snapshot: Snapshot) -> None:
    """Check that this process imported the code of a snapshot.

    Raises:
        CodeChangedError: It imported other content of a module.
    """
    for module, digest in snapshot.digests:
        if _IMPORTED.get(module, digest) != digest:
            raise CodeChangedError(name, module)
