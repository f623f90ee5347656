"""Artefacts: files of a trial, stored in a folder beside the database."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, BinaryIO

from sqlalchemy import Connection, Engine, select

from lemur_core.errors import ArtefactError, UnknownNameError
from lemur_core.files import sync_folder
from lemur_core.naming import check_name
from lemur_core.store import schema
from lemur_core.store.database import DEFAULT_DB, folder_beside, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.statements import insert_once, where_in
from lemur_core.store.trials import TrialId, find_trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FOLDER = "artefacts"
_CHUNK_BYTES = 2**20
# Most file systems limit names to 255 bytes.
_MAX_NAME_BYTES = 240
_HASH_DIGITS = 16


@dataclass(frozen=True)
class Artefact:
    """A file of a trial. It is path-like: ``open()`` and `os.fspath` accept it.

    Attributes:
        trial: Unique id of the trial.
        name: Name of the artefact, unique within the trial.
        kind: Kind of file, for example ``onnx``; ``file`` by default.
        path: Path of the stored file.
        sha256: SHA-256 of the content, hexadecimal.
        bytes: Size in bytes.
    """

    trial: str
    name: str
    kind: str
    path: Path
    sha256: str
    bytes: int

    def __fspath__(self) -> str:
        return str(self.path)


def attach(
    uid: str,
    path: str | Path,
    name: str | None = None,
    *,
    kind: str = "file",
    db: str | Path = DEFAULT_DB,
    replace: bool = False,
) -> Artefact:
    """Copy a file to the artefacts of a trial and record its size and SHA-256.

    The artefacts are stored in a folder beside the database: ``lemur.db-artefacts`` for the file
    ``lemur.db``, ``lemur-artefacts`` in the working directory for a database on a server. Attaching
    the same content under the same name again changes nothing.

    Args:
        uid: The trial's unique id, or an unambiguous prefix of it.
        path: The file to copy; directories and symbolic links are rejected.
        name: Name of the artefact; None uses the name of the file.
        kind: Kind of file, for example ``onnx``.
        db: A database URL, or the path of an SQLite file.
        replace: Whether to replace an artefact of this name.

    Raises:
        ArtefactError: The file cannot be copied or changes while it is copied, the name is not a
            valid file name, or the name is taken by different content or another kind.
        UnknownNameError: No trial matches ``uid``, or several do.
        StoreError: The database does not exist or cannot be written.
    """
    source = Path(path)
    name = check_artefact_name(source.name if name is None else name)
    kind = check_name("kind of artefact", kind, ArtefactError)
    with open_engine(db) as engine:
        trial = patiently(engine, lambda connection: find_trial(connection, uid))
        return keep(engine, trial, source, name, kind, replace=replace)


def artefact(uid: str, name: str, *, db: str | Path = DEFAULT_DB) -> Artefact:
    """Return an artefact of a trial after verifying its size and SHA-256.

    Args:
        uid: The trial's unique id, or an unambiguous prefix of it.
        name: Name of the artefact.
        db: A database URL, or the path of an SQLite file.

    Raises:
        ArtefactError: The file is missing, or its content differs from what was attached.
        UnknownNameError: The trial or artefact does not exist.
        StoreError: The database does not exist or cannot be read.
    """
    with open_engine(db) as engine:
        artefacts = patiently(engine, lambda connection: _artefacts_of(connection, uid))
    by_name = {entry.name: entry for entry in artefacts}
    if name not in by_name:
        raise UnknownNameError("artefact", str(name), by_name, none="the trial has no artefact")
    fault = fault_of(by_name[name])
    if fault:
        raise ArtefactError(fault)
    return by_name[name]


def folder_of(engine: Engine) -> Path:
    """Return the artefacts folder of a database; it need not exist."""
    return folder_beside(engine, _FOLDER)


def check_artefact_name(name: Any) -> str:
    """Check and return the name of an artefact, which is also the name of its file.

    Raises:
        ArtefactError: It is not a valid file name.
    """
    checked = check_name("artefact", name, ArtefactError)
    if set(checked) & set("/\\") or checked in (".", ".."):
        raise ArtefactError(f"artefact name {name!r}: expected the name of a file, not a path")
    if len(checked.encode()) > _MAX_NAME_BYTES:
        raise ArtefactError(f"artefact name {checked[:20] + '...'!r}: is too long for a file")
    return checked


def keep(
    engine: Engine,
    trial: TrialId,
    source: Path,
    name: str,
    kind: str,
    *,
    replace: bool = False,
    expected: str | None = None,
) -> Artefact:
    """Copy a file to the artefacts of a trial as `attach` does; the caller has checked the names.

    The row is written once the whole file is on disk, and a file that a row refers to is never
    overwritten. A process that dies therefore leaves at worst a file without a row.

    Args:
        engine: The database.
        trial: The trial.
        source: The file to copy.
        name: Name of the artefact.
        kind: Kind of file.
        replace: Whether to replace an artefact of this name.
        expected: SHA-256 that the file must have; None accepts any.

    Raises:
        ArtefactError: As for `attach`, or the file does not have the expected SHA-256.
    """
    folder = folder_of(engine)
    with _temporary_copy(source, folder / trial.uid) as (copy, sha256, size):
        if expected not in (None, sha256):
            raise ArtefactError(f"artefact {source}: is not what was attached: its SHA-256 differs")
        row = {"name": name, "kind": kind, "sha256": sha256, "bytes": size}
        recorded = patiently(engine, lambda connection: _row(connection, trial.id, name))
        if recorded is not None and not replace:
            _check_same(recorded, row)
        with _copy_errors(source, folder):
            path = _move_to_free_path(copy, folder / trial.uid, name, sha256)
        row["path"] = path.relative_to(folder).as_posix()
        replaced = patiently(
            engine, lambda connection: _write_row(connection, trial.id, row, replace=replace)
        )
    if replaced is not None:
        _remove(engine, trial.id, folder / replaced)
    return Artefact(trial.uid, name, kind, path, sha256, size)


def read_artefacts(connection: Connection, trial_ids: Sequence[int]) -> list[Artefact]:
    """Return the artefacts of trials without checking their files."""
    trial, artefact = schema.trial.c, schema.artefact.c
    folder = folder_of(connection.engine)
    query = (
        select(trial.uid, schema.artefact)
        .join_from(schema.artefact, schema.trial)
        .order_by(artefact.trial_id, artefact.name)
    )
    return [
        Artefact(row.uid, row.name, row.kind, folder / row.path, row.sha256, row.bytes)
        for part in where_in(query, artefact.trial_id, trial_ids)
        for row in connection.execute(part)
    ]


def fault_of(artefact: Artefact) -> str | None:
    """Return how the file of an artefact differs from its record; None if it does not."""
    subject = f"artefact {artefact.name!r} of trial {artefact.trial[:8]}: {artefact.path}"
    try:
        size = artefact.path.stat().st_size
        if size != artefact.bytes:
            return f"{subject} has {size:,} bytes, {artefact.bytes:,} were attached"
        is_same = _sha256(artefact.path) == artefact.sha256
    except FileNotFoundError:
        return f"{subject} is missing"
    except OSError as error:
        return f"{subject} cannot be read: {error.strerror or error}"
    return None if is_same else f"{subject} is not what was attached: its SHA-256 differs"


def _artefacts_of(connection: Connection, uid: str) -> list[Artefact]:
    return read_artefacts(connection, [find_trial(connection, uid).id])


@contextmanager
def _temporary_copy(source: Path, folder: Path) -> Iterator[tuple[Path, str, int]]:
    """Yield a temporary copy of a file, its SHA-256 and its size in bytes."""
    with _copy_errors(source):
        file = _open_regular(source)
    with file:
        with _copy_errors(source, folder):
            folder.mkdir(parents=True, exist_ok=True)
            part = Path(mkdtemp(prefix=".part-", dir=folder))
        try:
            with _copy_errors(source, part):
                copied = _copy(file, source, part / "copy")
            yield part / "copy", *copied
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _open_regular(source: Path) -> BinaryIO:
    # The type is checked after opening, as the path may be replaced in between. O_NONBLOCK keeps
    # open() from waiting on a pipe.
    if source.is_symlink():
        raise ArtefactError(f"artefact {source}: is a symbolic link; name the file it leads to")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(source, flags | getattr(os, "O_BINARY", 0))
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    description = (
        "a directory; attach an archive of it" if stat.S_ISDIR(mode) else "not a regular file"
    )
    raise ArtefactError(f"artefact {source}: is {description}")


def _copy(file: BinaryIO, source: Path, copy: Path) -> tuple[str, int]:
    before, digest, size = os.fstat(file.fileno()), hashlib.sha256(), 0
    with copy.open("xb") as target:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
            size += len(chunk)
        target.flush()
        os.fsync(target.fileno())
    after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns):
        raise ArtefactError(
            f"artefact {source}: changed while it was copied; attach it when it is written"
        )
    return digest.hexdigest(), size


@contextmanager
def _copy_errors(source: Path, folder: Path | None = None) -> Iterator[None]:
    try:
        yield
    except ArtefactError:
        raise
    except FileNotFoundError as error:
        raise ArtefactError(f"artefact {source}: there is no such file") from error
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        problem = f"cannot be copied to {folder.parent}" if folder else "cannot be read"
        raise ArtefactError(f"artefact {source}: {problem}: {reason}") from error


def _move_to_free_path(copy: Path, folder: Path, name: str, sha256: str) -> Path:
    """Move a copy to a free path and return it; return the existing path of identical content."""
    # The name may be taken by other content, or by a name that the file system treats as equal.
    candidates = (folder / name, folder / sha256[:_HASH_DIGITS] / name)
    for candidate in candidates:
        candidate.parent.mkdir(exist_ok=True)
        if _is_free(candidate):
            break
        if _sha256(candidate) == sha256:
            return candidate
    # The last path contains the hash: if it is taken by other content, that file is damaged.
    os.replace(copy, candidate)
    sync_folder(candidate.parent)
    return candidate


def _is_free(path: Path) -> bool:
    """Reserve a path and return True; return False if something exists there."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(engine: Engine, trial_id: int, path: Path) -> None:
    """Remove a file unless it belongs to an artefact of the trial."""
    artefacts = patiently(engine, lambda connection: read_artefacts(connection, [trial_id]))
    with suppress(OSError):
        if not any(
            artefact.path.exists() and artefact.path.samefile(path) for artefact in artefacts
        ):
            path.unlink()


def _row(connection: Connection, trial_id: int, name: str) -> dict[str, Any] | None:
    artefact = schema.artefact.c
    query = select(schema.artefact).where(artefact.trial_id == trial_id, artefact.name == name)
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def _write_row(
    connection: Connection, trial_id: int, row: dict[str, Any], *, replace: bool
) -> str | None:
    """Write an artefact's row; return the path of the file it replaces, or None."""
    insert = insert_once(connection.dialect, schema.artefact)
    if connection.execute(insert.values(trial_id=trial_id, **row)).rowcount:
        return None
    recorded = _row(connection, trial_id, row["name"])
    assert recorded is not None
    if not replace:
        _check_same(recorded, row)
    artefact = schema.artefact.c
    condition = (artefact.trial_id == trial_id, artefact.name == row["name"])
    connection.execute(schema.artefact.update().where(*condition).values(row))
    return None if recorded["path"] == row["path"] else str(recorded["path"])


def _check_same(recorded: dict[str, Any], row: dict[str, Any]) -> None:
    for column, label in (("sha256", "content"), ("kind", "kind")):
        if recorded[column] != row[column]:
            raise ArtefactError(
                f"artefact {row['name']!r} of the trial already exists with another {label}; "
                "choose another name, or replace it"
            )
