"""The code of an entry as it was read once, and whether a process imported that very code."""

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
    """The code of an entry at the moment when it was read.

    Attributes:
        text: What is recorded.
        digests: The name of each module that loading the entry imports, and the digest of its
            file at that moment; empty where loading the entry runs ``text`` instead.
    """

    text: str
    digests: tuple[tuple[str, str], ...] = ()


def digest_of(content: bytes) -> str:
    """Return what tells the contents of a module's file apart."""
    return sha256(content).hexdigest()


def import_noted(module: str, read: Callable[[str], bytes]) -> ModuleType:
    """Import a module, and remember which content of its file this process imported.

    Args:
        module: Its name.
        read: Reads the file of a module.

    Raises:
        Exception: Whatever it raises.
    """
    if module in _IMPORTED:
        return import_module(module)
    before = _digest(module, read)
    imported = import_module(module)
    # Of a file that is edited while it is imported, it is not known which content was.
    _IMPORTED[module] = before if _digest(module, read) == before else ""
    return imported


def _digest(module: str, read: Callable[[str], bytes]) -> str:
    try:
        return digest_of(read(module))
    # A module without a file; of one that is not there, importing it tells more.
    except (LemurError, OSError, ValueError):
        return ""


def check_imported(name: str, snapshot: Snapshot) -> None:
    """Raise `CodeChangedError` where this process imported another content than was read."""
    for module, digest in snapshot.digests:
        if _IMPORTED.get(module, digest) != digest:
            raise CodeChangedError(name, module)
