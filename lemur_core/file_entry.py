"""Entries of single files: ``--metric my.py``, as nets are given with ``--net my.py``.

An entry is named after its file. What loads, transforms or scores a trial's data is called
``NAME@DIGEST``, with the first digits of the SHA-256 of its code, as the code of a net is part of
the identity of its trials: results of different code have different names and are never mixed.
"""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.entry import Entry, entry_of_file
from lemur_core.errors import ContractError, PatternError, PluginError
from lemur_core.file_code import KINDS, read_code
from lemur_core.sources.complete import complete
from lemur_core.sources.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.registry import Registry

SIGN = "@"
_DIGITS = 8
# Kinds whose code is part of the identity of trials.
_IDENTIFIED = ("loader", "metric", "transform")


def is_file(text: str) -> bool:
    """Return whether a user names a file rather than an entry."""
    return text.endswith(".py")


def is_of_file(name: str) -> bool:
    """Return whether a recorded name is that of a loader, metric or transform in a file.

    >>> is_of_file("top3@1f2e3d4c"), is_of_file("acc")
    (True, False)
    """
    return re.fullmatch(rf"[^{SIGN}]+{SIGN}[0-9a-f]{{{_DIGITS}}}", name) is not None


def file_entry(kind: str, text: str, tasks: Sequence[str] = ()) -> Entry:
    """Return the entry of a file, with a snapshot of its code.

    Args:
        kind: The kind of the entry: ``net`` or one of `lemur_core.file_code.KINDS`.
        text: The path of the file; ``~`` is the home folder.
        tasks: The tasks that a loader without ``TASKS`` serves.

    Raises:
        PatternError: There is no such file.
        PluginError: The file cannot be read.
        ContractError: The file lacks something; the message lists all faults.
    """
    file = Path(text).expanduser().resolve()
    if not file.is_file():
        raise PatternError(f"there is no {kind} file {text!r}")
    if kind == "net":
        return entry_of_file(file)
    if kind not in KINDS:
        raise PatternError(f"{text!r}: a {kind} cannot be a file; expected the name of an entry")
    try:
        code = complete(file)
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{kind} file {text!r} cannot be read: {error}") from None
    return entry_of_code(kind, text, code, file, tasks=tasks)


def named_entry(registry: Registry, kind: str, name: str) -> Entry:
    """Return the installed entry of a name, or the entry of a file.

    Args:
        registry: The installed plugins.
        kind: The kind of the entry.
        name: The short or full name of an entry, or the path of a file.

    Raises:
        UnknownNameError: No entry of the kind has the name.
        AmbiguousNameError: Several plugins register an entry of the name.
        LemurError: The file does not exist or cannot be used; see `file_entry`.
    """
    return file_entry(kind, name) if is_file(name) else registry.get(kind, name)


def entry_of_code(
    kind: str,
    shown: str,
    code: str,
    file: Path,
    name: str | None = None,
    tasks: Sequence[str] = (),
) -> Entry:
    """Return the entry of complete code, which is executed as if it were in a file.

    Args:
        kind: The kind of the entry, one of `lemur_core.file_code.KINDS`.
        shown: The path of the file as the user gave it, for error messages.
        code: The complete code.
        file: The file, which need not exist.
        name: The name of the entry; None takes that of the file, with the digest of the code.
        tasks: The tasks of a loader without ``TASKS``.

    Raises:
        PluginError: The name of the file cannot be that of an entry.
        ContractError: The code lacks something; the message lists all faults.
    """
    read = read_code(kind, file.stem, code)
    fields, faults = read.fields, read.faults
    if kind == "loader" and not any(fault.startswith("TASKS ") for fault in faults):
        fields.setdefault("tasks", tuple(tasks))
        if not fields["tasks"]:
            faults.append('it has no TASKS = ("img-classification",) and no --task is given')
    if faults:
        raise ContractError(
            f"{kind} file {shown!r}: {'; '.join(faults)} "
            f"(lemur new {kind} NAME writes a complete file)"
        )
    target = f"{file}:{read.attribute}" if read.attribute else str(file)
    try:
        return Entry(name or _name(kind, file, code), target, snapshot=Snapshot(code), **fields)
    except PluginError as error:
        raise PluginError(f"{kind} file {shown!r}: {error}") from None


def _name(kind: str, file: Path, code: str) -> str:
    name = file.stem.replace("_", "-")
    if kind not in _IDENTIFIED:
        return name
    return f"{name}{SIGN}{sha256(code.encode(errors='surrogatepass')).hexdigest()[:_DIGITS]}"
