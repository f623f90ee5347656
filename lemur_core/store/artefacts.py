"""Artefacts: files of a trial, copied into a folder beside the database."""

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
from lemur_core.store.database import DEFAULT_DB, beside, opened
from lemur_core.store.patience import patiently
from lemur_core.store.statements import insert_once, where_in
from lemur_core.store.trials import TrialId, find_trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FOLDER = "artefacts"
_AT_ONCE = 2**20
# Most file systems take names of 255 bytes.
_LONGEST = 240
_DIGITS = 16


@dataclass(frozen=True)
class Artefact:
    """A file of a trial. ``open()`` and `os.fspath` take it as its path.

    Attributes:
        trial: The unique id of the trial.
        name: Its name, one of its own among the trial's.
        kind: What it is, ``file`` if nothing was said.
        path: Where it lies.
        sha256: Of its content, hexadecimal.
        bytes: Its size.
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
    """Copy a file to the artefacts of a trial, and record its size and SHA-256.

    The folder lies beside the database: ``lemur.db-artefacts`` for the file ``lemur.db``,
    ``lemur-artefacts`` in the working directory for a database on a server. Attaching the same
    content under the same name again changes nothing.

    Args:
        uid: The trial's unique id, or a beginning of it that no other has.
        path: The file to copy; no directory and no symbolic link.
        name: What it is called among the artefacts of the trial; None takes the file's own name.
        kind: What it is, ``onnx`` for example.
        db: A database URL, or the path of an SQLite file.
        replace: Put the file in the place of another one that has the name.

    Raises:
        ArtefactError: The file cannot be copied or changes meanwhile, the name cannot be a file's,
            or another content or kind has the name.
        UnknownNameError: There is no such trial, or several begin so.
        StoreError: There is no such database, or it cannot be written.
    """
    source = Path(path)
    name = check_artefact_name(source.name if name is None else name)
    kind = check_name("kind of artefact", kind, ArtefactError)
    with opened(db) as engine:
        trial = patiently(engine, lambda connection: find_trial(connection, uid))
        return keep(engine, trial, source, name, kind, replace=replace)


def artefact(uid: str, name: str, *, db: str | Path = DEFAULT_DB) -> Artefact:
    """Return an artefact of a trial after comparing the file with what was recorded of it.

    Args:
        uid: The trial's unique id, or a beginning of it that no other has.
        name: The artefact's name.
        db: A database URL, or the path of an SQLite file.

    Raises:
        ArtefactError: The file is missing or is not what was attached.
        UnknownNameError: There is no such trial or artefact.
        StoreError: There is no such database, or it cannot be read.
    """
    with opened(db) as engine:
        found = patiently(engine, lambda connection: _all_of(connection, uid))
    by_name = {one.name: one for one in found}
    if name not in by_name:
        raise UnknownNameError("artefact", str(name), by_name, none="the trial has no artefact")
    fault = fault_of(by_name[name])
    if fault:
        raise ArtefactError(fault)
    return by_name[name]


def folder_of(engine: Engine) -> Path:
    """Return the folder of the artefacts of a database, which need not be there."""
    return beside(engine, _FOLDER)


def check_artefact_name(name: Any) -> str:
    """Return the name of an artefact, which is that of its file.

    Raises:
        ArtefactError: No file can be called so.
    """
    checked = check_name("artefact", name, ArtefactError)
    if set(checked) & set("/\\") or checked in (".", ".."):
        raise ArtefactError(f"artefact name {name!r}: expected the name of a file, not a path")
    if len(checked.encode()) > _LONGEST:
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
    """Copy a file to the artefacts of a trial, as `attach` does, its names being checked.

    ``expected`` is the SHA-256 that the file must have; None takes any.

    The row is written when the whole file is on the disk, and no file that a row speaks of is
    written over: a process that dies leaves at worst a file without a row.
    """
    folder = folder_of(engine)
    with _copied(source, folder / trial.uid) as (copy, sha256, size):
        if expected not in (None, sha256):
            raise ArtefactError(f"artefact {source}: is not what was attached: its SHA-256 differs")
        row = {"name": name, "kind": kind, "sha256": sha256, "bytes": size}
        known = patiently(engine, lambda connection: _row(connection, trial.id, name))
        if known is not None and not replace:
            _check_same(known, row)
        with _copy_errors(source, folder):
            path = _placed(copy, folder / trial.uid, name, sha256)
        row["path"] = path.relative_to(folder).as_posix()
        replaced = patiently(engine, lambda found: _enter(found, trial.id, row, replace=replace))
    if replaced is not None:
        _remove(engine, trial.id, folder / replaced)
    return Artefact(trial.uid, name, kind, path, sha256, size)


def read_artefacts(connection: Connection, trial_ids: Sequence[int]) -> list[Artefact]:
    """Return the artefacts of trials, without looking at the files."""
    trial, artefact = schema.trial.c, schema.artefact.c
    folder = folder_of(connection.engine)
    query = (
        select(trial.uid, schema.artefact)
        .join_from(schema.artefact, schema.trial)
        .order_by(artefact.trial_id, artefact.name)
    )
    return [
        Artefact(row.uid, row.name, row.kind, folder / row.path, row.sha256, row.bytes)
        for each in where_in(query, artefact.trial_id, trial_ids)
        for row in connection.execute(each)
    ]


def fault_of(artefact: Artefact) -> str | None:
    """Return in what the file of an artefact differs from what was recorded; None if in nothing."""
    what = f"artefact {artefact.name!r} of trial {artefact.trial[:8]}: {artefact.path}"
    try:
        size = artefact.path.stat().st_size
        if size != artefact.bytes:
            return f"{what} has {size:,} bytes, {artefact.bytes:,} were attached"
        is_same = _sha256(artefact.path) == artefact.sha256
    except FileNotFoundError:
        return f"{what} is missing"
    except OSError as error:
        return f"{what} cannot be read: {error.strerror or error}"
    return None if is_same else f"{what} is not what was attached: its SHA-256 differs"


def _all_of(connection: Connection, uid: str) -> list[Artefact]:
    return read_artefacts(connection, [find_trial(connection, uid).id])


@contextmanager
def _copied(source: Path, folder: Path) -> Iterator[tuple[Path, str, int]]:
    """Give a copy of a file on the disk, its SHA-256 and its size; remove it in the end."""
    with _copy_errors(source):
        file = _opened(source)
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


def _opened(source: Path) -> BinaryIO:
    # What it is may change between looking and opening; a pipe would be waited for.
    if source.is_symlink():
        raise ArtefactError(f"artefact {source}: is a symbolic link; name the file it leads to")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(source, flags | getattr(os, "O_BINARY", 0))
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    what = "a directory; attach an archive of it" if stat.S_ISDIR(mode) else "no regular file"
    raise ArtefactError(f"artefact {source}: is {what}")


def _copy(file: BinaryIO, source: Path, copy: Path) -> tuple[str, int]:
    before, digest, size = os.fstat(file.fileno()), hashlib.sha256(), 0
    with copy.open("xb") as target:
        while chunk := file.read(_AT_ONCE):
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
        what = f"cannot be copied to {folder.parent}" if folder else "cannot be read"
        raise ArtefactError(f"artefact {source}: {what}: {reason}") from error


def _placed(copy: Path, folder: Path, name: str, sha256: str) -> Path:
    """Move a copy to where nothing is; return where it lies, or lay already."""
    # Another content may lie under the name, or under one that the file system takes for the same.
    places = (folder / name, folder / sha256[:_DIGITS] / name)
    for place in places:
        place.parent.mkdir(exist_ok=True)
        if _is_free(place):
            break
        if _sha256(place) == sha256:
            return place
    # In the last place no other content belongs; what lies there is damaged.
    os.replace(copy, place)
    sync_folder(place.parent)
    return place


def _is_free(path: Path) -> bool:
    """Return whether nothing was at a path, which is then reserved."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(engine: Engine, trial_id: int, path: Path) -> None:
    """Remove a file, unless an artefact of the trial is kept in it."""
    kept = patiently(engine, lambda found: read_artefacts(found, [trial_id]))
    with suppress(OSError):
        if not any(one.path.exists() and one.path.samefile(path) for one in kept):
            path.unlink()


def _row(connection: Connection, trial_id: int, name: str) -> dict[str, Any] | None:
    artefact = schema.artefact.c
    query = select(schema.artefact).where(artefact.trial_id == trial_id, artefact.name == name)
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def _enter(
    connection: Connection, trial_id: int, row: dict[str, Any], *, replace: bool
) -> str | None:
    """Write an artefact's row; return the path of the file that it no longer speaks of."""
    insert = insert_once(connection.dialect, schema.artefact)
    if connection.execute(insert.values(trial_id=trial_id, **row)).rowcount:
        return None
    known = _row(connection, trial_id, row["name"])
    assert known is not None
    if not replace:
        _check_same(known, row)
    artefact = schema.artefact.c
    this = (artefact.trial_id == trial_id, artefact.name == row["name"])
    connection.execute(schema.artefact.update().where(*this).values(row))
    return None if known["path"] == row["path"] else str(known["path"])


def _check_same(known: dict[str, Any], row: dict[str, Any]) -> None:
    for column, what in (("sha256", "content"), ("kind", "kind")):
        if known[column] != row[column]:
            raise ArtefactError(
                f"artefact {row['name']!r} of the trial is there already with another {what}; "
                "choose another name, or replace it"
            )
