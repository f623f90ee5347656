"""Keep records that cannot be written in a file beside the database, and import them later.

The file has one JSON object per line, which names a trial by its uid. A process that imports the
file renames it first to a name that identifies the process. Importing a line twice changes
nothing, so if the process dies, the next one imports its file.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import uuid4

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DataError, IntegrityError

from lemur_core.codec import DECODING_ERRORS, from_json, reader
from lemur_core.errors import FactError, StoreError
from lemur_core.fact import check_facts
from lemur_core.files import sync_folder
from lemur_core.passwords import without_password
from lemur_core.store import fields, schema
from lemur_core.store.database import sqlite_file, unchecked_engine
from lemur_core.store.facts import check_epoch, write_facts
from lemur_core.store.field import checked_values
from lemur_core.store.patience import PATIENCE_S, patiently
from lemur_core.store.trouble import place
from lemur_core.store.writing.ledger import Ledger, NotHeldError
from lemur_core.store.writing.owner import has_ended, this_process
from lemur_core.store.writing.past_trials import epoch_of
from lemur_core.trial import UNFINISHED, Epoch, Size

if TYPE_CHECKING:
    from collections.abc import Mapping


class _LineResult(Enum):
    """The result of importing a line; a text is the suffix of the file that keeps the line."""

    WRITTEN = auto()
    ALREADY_RECORDED = auto()  # or has no effect
    SUPERSEDED = ".superseded"  # another owner trains or has trained the trial instead
    BAD = ".bad"  # cannot be read, or the database cannot store it


_CLAIM_MARK = ".taken-by-"
_END_FIELDS = tuple(field for field in fields.TRIAL if field.end is not None)
_size = reader(Size | None)
_PATIENCE_S = 600.0
_IMPORT_LOCK = Lock()


def spill_file(engine: Engine) -> Path | None:
    """Return the file for a database's unwritten records; None for a database in memory."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        file = sqlite_file(url)
        return file and Path(f"{file}-unwritten.jsonl").absolute()
    plain = url.set(password=None).render_as_string()
    file = _file_named(without_password(plain))
    # In lemur 0.1, the file name also depended on passwords in the query.
    older = _file_named(plain)
    return older if older.exists() or _claimed_files(older) else file


def _file_named(url: str) -> Path:
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    return Path(f"lemur-unwritten-{digest}.jsonl").absolute()


def spill(file: Path, line: Mapping[str, Any]) -> None:
    """Append a line to a file; it is on the disk when this returns.

    Raises:
        OSError: The line cannot be written.
    """
    text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
    while not _append(file, text):
        pass


def waiting(file: Path) -> int:
    """Return the number of lines that wait to be imported."""
    return sum(len(_lines(path)) for path in (file, *_claimed_files(file)))


def waiting_text(file: Path) -> str:
    """Return a phrase with the number of lines that wait."""
    count = waiting(file)
    return "1 record waits" if count == 1 else f"{count} records wait"


def refused_file(file: Path) -> Path:
    """Return the file of lines that could not be imported."""
    return Path(f"{file}{_LineResult.BAD.value}")


def refused(file: Path) -> int:
    """Return the number of lines that could not be imported."""
    return len(_lines(refused_file(file)))


def check_not_missing(db: str | Path) -> None:
    """Check that a database for which records wait exists.

    Raises:
        StoreError: Its file is missing; a new database would not contain the records' trials.
    """
    engine = unchecked_engine(db, create=True)
    file, waiting_file = sqlite_file(engine.url), spill_file(engine)
    engine.dispose()
    if file is None or waiting_file is None or file.exists():
        return
    if waiting(waiting_file):
        raise StoreError(
            f"database {place(engine)}: there is no such file, but "
            f"{waiting_text(waiting_file)} for it in {waiting_file}; restore the database, "
            "or remove that file to start from scratch"
        )


def import_waiting(engine: Engine, patience_s: float = PATIENCE_S) -> int:
    """Import the waiting records into their database; return how many were written.

    A line that cannot be read, or whose trial is not in the database, is moved to a file whose name
    ends in ``.bad``. A line of a trial that another owner has taken over is moved to a file whose
    name ends in ``.superseded``, because the new owner's records count.

    Args:
        engine: The database.
        patience_s: How long to wait for the database for each line, in seconds.

    Raises:
        AwayError: The database is unavailable; the remaining lines keep waiting.
        StoreError: The database or the file cannot be read or written, and waiting does not help.
    """
    file = spill_file(engine)
    if file is None:
        return 0
    try:
        with _IMPORT_LOCK:
            return sum(
                _import_file(engine, path, file, patience_s) for path in _importable_files(file)
            )
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            f"records wait in {file} and cannot be imported: {error.strerror or error}"
        ) from error


def _append(file: Path, text: bytes) -> bool:
    is_new = not file.exists()
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        # A partial line from a failed write must not corrupt this one.
        if _is_cut(handle):
            text = b"\n" + text
        if os.write(handle, text) < len(text):
            raise OSError("no room for the whole line")
        os.fsync(handle)
        if is_new:
            # If the file is new, its folder must be on the disk too.
            sync_folder(file.parent)
        # If another process has renamed the file to import it, it may have missed this line; the
        # caller then appends it again.
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(handle), file.stat())
        return False
    finally:
        os.close(handle)


def _is_cut(handle: int) -> bool:
    size = os.fstat(handle).st_size
    if not size:
        return False
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) != b"\n"


def _lines(file: Path) -> list[bytes]:
    with suppress(FileNotFoundError):
        return [line for line in file.read_bytes().split(b"\n") if line.strip()]
    return []


def _claimed_files(file: Path) -> list[Path]:
    prefix = file.name + _CLAIM_MARK
    return [path for path in file.parent.iterdir() if path.name.startswith(prefix)]


def _importable_files(file: Path) -> list[Path]:
    """Return the files that no living process is importing, oldest first."""
    abandoned = [path for path in _claimed_files(file) if not _is_being_imported(path)]
    return [*sorted(abandoned, key=_age), file]


def _claim(file: Path, original: Path) -> Path | None:
    """Rename a file to a name that identifies this process; return None if another did so first."""
    claimed = original.with_name(
        f"{original.name}{_CLAIM_MARK}{quote(this_process(), '')}-{uuid4().hex}"
    )
    try:
        return file.rename(claimed)
    except FileNotFoundError:
        return None


def _is_being_imported(file: Path) -> bool:
    process = unquote(file.name.partition(_CLAIM_MARK)[2].rpartition("-")[0])
    # A file of this process is left over from when the database became unavailable, because only
    # one import runs in a process at a time.
    if process == this_process() or has_ended(process):
        return False
    with suppress(FileNotFoundError):
        # For a process on another machine or in another container, the age is all that is known. At
        # worst, two processes import the file.
        return time.time() - file.stat().st_ctime < _PATIENCE_S
    return True


def _age(file: Path) -> float:
    with suppress(FileNotFoundError):
        return file.stat().st_mtime
    return 0.0


def _import_file(engine: Engine, file: Path, original: Path, patience_s: float) -> int:
    ledger = Ledger(engine)
    # Write the first line before renaming, so that the file keeps its name if the database is
    # unavailable.
    first_results = _import_lines(engine, ledger, _lines(file)[:1], patience_s)
    claimed = _claim(file, original)
    if claimed is None:
        return len(first_results[_LineResult.WRITTEN])
    results = _import_lines(engine, ledger, _lines(claimed), patience_s)
    for result in (_LineResult.BAD, _LineResult.SUPERSEDED):
        if results[result]:
            file_of_result = Path(f"{original}{result.value}")
            _append(file_of_result, b"".join(text + b"\n" for text in results[result]))
    claimed.unlink(missing_ok=True)
    return len(first_results[_LineResult.WRITTEN]) + len(results[_LineResult.WRITTEN])


def _import_lines(
    engine: Engine, ledger: Ledger, lines: list[bytes], patience_s: float
) -> Mapping[_LineResult, list[bytes]]:
    """Import lines; return them grouped by result."""
    lines_by_result: dict[_LineResult, list[bytes]] = {result: [] for result in _LineResult}
    for text in lines:
        line = _parsed(text)
        result = _LineResult.BAD if line is None else _import_line(engine, ledger, line, patience_s)
        lines_by_result[result].append(text)
    return lines_by_result


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
        ids = {"trial": str(line["trial"]), "owner": str(line["owner"])}
        if "epoch" in line:
            return ids | {"epoch": _epoch(line["epoch"])}
        if "facts" in line:
            epoch = check_epoch(line["of"] or None)
            facts = {"facts": check_facts(line["facts"]), "replace": bool(line["replace"])}
            return ids | facts | {"of": epoch}
        return ids | {"end": checked_values(_END_FIELDS, line["end"])}
    except DECODING_ERRORS:
        return None


def _epoch(values: Mapping[str, Any]) -> Epoch:
    if "number" in values:
        return from_json(Epoch, values)
    # lemur 0.1 wrote the columns, and beside them the values of the net's size.
    return replace(epoch_of(values), size=_size(values.get("size")))


def _import_line(
    engine: Engine, ledger: Ledger, line: Mapping[str, Any], patience_s: float
) -> _LineResult:
    """Import a line if its owner still owns the trial; return the result."""

    def enter(connection: Connection) -> bool | None:
        trial = schema.trial.c
        row = connection.execute(
            select(trial.id, trial.owner).where(trial.uid == line["trial"])
        ).first()
        if row is None:
            return None
        if "end" in line:
            return ledger.end(connection, row.id, line["owner"], line["end"], UNFINISHED)
        if row.owner != line["owner"]:
            raise NotHeldError
        if "facts" in line:
            replace = line["replace"]
            return write_facts(connection, row.id, line["of"], line["facts"], replace=replace)
        is_new = ledger.enter(connection, row.id, line["owner"], line["epoch"])
        facts = check_facts(line["epoch"].facts)
        return write_facts(connection, row.id, line["epoch"].number, facts) or is_new

    try:
        is_written = patiently(engine, enter, patience_s)
    except NotHeldError:
        return _LineResult.SUPERSEDED
    except FactError:
        return _LineResult.BAD
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError | DataError):
            return _LineResult.BAD
        raise
    result = _LineResult.WRITTEN if is_written else _LineResult.ALREADY_RECORDED
    return _LineResult.BAD if is_written is None else result
