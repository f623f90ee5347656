"""Keep what a database does not take in a file beside it, and take it in when the database is back.

The file has a JSON object per line, and names trials by their uid. Whoever takes it in renames it
first, to a name that says who that is; entering a line twice is as good as once, so that a file
whose taker died is taken in by the next.
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
from lemur_core.store.database import reach, sqlite_file
from lemur_core.store.facts import check_epoch, write_facts
from lemur_core.store.field import checked
from lemur_core.store.patience import PATIENCE_S, patiently
from lemur_core.store.trouble import place
from lemur_core.store.writing.ledger import Ledger, NotHeldError
from lemur_core.store.writing.owner import has_ended, this_process
from lemur_core.store.writing.past_trials import epoch_of
from lemur_core.trial import Epoch, Size, State

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Fate(Enum):
    """What became of a line: a file's suffix where it is kept there."""

    WRITTEN = auto()
    THERE = auto()  # or of no use
    SUPERSEDED = ".superseded"  # of a trial that another owner trains, or has trained, instead
    BAD = ".bad"  # cannot be read, or the database cannot take it


_TAKEN = ".taken-by-"
_OPEN = (State.RUNNING, State.INTERRUPTED)
_END = tuple(field for field in fields.TRIAL if field.end is not None)
_size = reader(Size | None)
_PATIENCE_S = 600.0
_ONE_AT_A_TIME = Lock()


def spill_file(engine: Engine) -> Path | None:
    """Return the file that keeps what a database does not take; None where it has no place."""
    url = engine.url
    if engine.dialect.name == "sqlite":
        file = sqlite_file(url)
        return file and Path(f"{file}-unwritten.jsonl").absolute()
    plain = url.set(password=None).render_as_string()
    file = _file_named(without_password(plain))
    # lemur 0.1 made the name of passwords in the query, too.
    older = _file_named(plain)
    return older if older.exists() or _taken(older) else file


def _file_named(url: str) -> Path:
    digest = hashlib.sha256(url.encode()).hexdigest()[:12]
    return Path(f"lemur-unwritten-{digest}.jsonl").absolute()


def spill(file: Path, line: Mapping[str, Any]) -> None:
    """Append a line that is on the disk when this returns.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
    while not _append(file, text):
        pass


def waiting(file: Path) -> int:
    """Return how many lines wait to be taken in."""
    return sum(len(_lines(one)) for one in (file, *_taken(file)))


def waiting_text(file: Path) -> str:
    """Return how many lines wait, in words."""
    count = waiting(file)
    return "1 record waits" if count == 1 else f"{count} records wait"


def refused_file(file: Path) -> Path:
    """Return the file of the lines that no database took in."""
    return Path(f"{file}{_Fate.BAD.value}")


def refused(file: Path) -> int:
    """Return how many lines no database took in."""
    return len(_lines(refused_file(file)))


def check_not_missing(db: str | Path) -> None:
    """Look whether the file of a database is gone that records wait for.

    Raises:
        StoreError: It is; a database that is made in its place would not know their trials.
    """
    engine = reach(db, create=True)
    file, kept = sqlite_file(engine.url), spill_file(engine)
    engine.dispose()
    if file is None or kept is None or file.exists():
        return
    if waiting(kept):
        raise StoreError(
            f"database {place(engine)}: there is no such file, but {waiting_text(kept)} for it in "
            f"{kept}; bring it back, or remove that file to start from scratch"
        )


def take_in(engine: Engine, patience_s: float = PATIENCE_S) -> int:
    """Write to a database what waits beside it; return how much that was.

    A line that cannot be read, or is of a trial that the database does not know, is kept in a file
    whose name ends in ``.bad``; one of a trial that was taken over meanwhile in one that ends in
    ``.superseded``, as the records of whoever took over count.

    Args:
        engine: The database.
        patience_s: How long to wait for it, at each line.

    Raises:
        AwayError: It takes nothing; what was not taken in still waits.
        StoreError: It, or the file, cannot be read or written, however long one waits.
    """
    file = spill_file(engine)
    if file is None:
        return 0
    try:
        with _ONE_AT_A_TIME:
            return sum(_take_in(engine, one, file, patience_s) for one in _takeable(file))
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(
            f"records wait in {file} and cannot be taken in: {error.strerror or error}"
        ) from error


def _append(file: Path, text: bytes) -> bool:
    made = not file.exists()
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        # The beginning of a line that could not be written must not spoil this one.
        if _is_cut(handle):
            text = b"\n" + text
        if os.write(handle, text) < len(text):
            raise OSError("no room for the whole line")
        os.fsync(handle)
        if made:
            # Of a file that was just made, the folder must be on the disk too.
            sync_folder(file.parent)
        # Who takes the file in renames it before reading: a line that came later is in no one's.
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


def _taken(file: Path) -> list[Path]:
    prefix = file.name + _TAKEN
    return [one for one in file.parent.iterdir() if one.name.startswith(prefix)]


def _takeable(file: Path) -> list[Path]:
    """Return the files that no living process takes in, oldest first."""
    left = [one for one in _taken(file) if not _is_being_taken(one)]
    return [*sorted(left, key=_age), file]


def _claim(file: Path, named: Path) -> Path | None:
    """Rename a file to a name that says who takes it in; return None where another did."""
    ours = named.with_name(f"{named.name}{_TAKEN}{quote(this_process(), '')}-{uuid4().hex}")
    try:
        return file.rename(ours)
    except FileNotFoundError:
        return None


def _is_being_taken(file: Path) -> bool:
    taker = unquote(file.name.partition(_TAKEN)[2].rpartition("-")[0])
    # One of this process stayed when the database went away: there is one taker in a process.
    if taker == this_process() or has_ended(taker):
        return False
    with suppress(FileNotFoundError):
        # Of another machine, or of a container, nothing else is known. At worst, two take it in.
        return time.time() - file.stat().st_ctime < _PATIENCE_S
    return True


def _age(file: Path) -> float:
    with suppress(FileNotFoundError):
        return file.stat().st_mtime
    return 0.0


def _take_in(engine: Engine, file: Path, named: Path, patience_s: float) -> int:
    ledger = Ledger(engine)
    # While the database is away, the file keeps its name.
    first = _enter_all(engine, ledger, _lines(file)[:1], patience_s)
    ours = _claim(file, named)
    if ours is None:
        return len(first[_Fate.WRITTEN])
    all_ = _enter_all(engine, ledger, _lines(ours), patience_s)
    for fate in (_Fate.BAD, _Fate.SUPERSEDED):
        if all_[fate]:
            kept = Path(f"{named}{fate.value}")
            _append(kept, b"".join(text + b"\n" for text in all_[fate]))
    ours.unlink(missing_ok=True)
    return len(first[_Fate.WRITTEN]) + len(all_[_Fate.WRITTEN])


def _enter_all(
    engine: Engine, ledger: Ledger, lines: list[bytes], patience_s: float
) -> Mapping[_Fate, list[bytes]]:
    """Enter lines; return them by what became of them."""
    found: dict[_Fate, list[bytes]] = {fate: [] for fate in _Fate}
    for text in lines:
        line = _parsed(text)
        fate = _Fate.BAD if line is None else _enter(engine, ledger, line, patience_s)
        found[fate].append(text)
    return found


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
        known = {"trial": str(line["trial"]), "owner": str(line["owner"])}
        if "epoch" in line:
            return known | {"epoch": _epoch(line["epoch"])}
        if "facts" in line:
            epoch = check_epoch(line["of"] or None)
            facts = {"facts": check_facts(line["facts"]), "replace": bool(line["replace"])}
            return known | facts | {"of": epoch}
        return known | {"end": checked(_END, line["end"])}
    except DECODING_ERRORS:
        return None


def _epoch(values: Mapping[str, Any]) -> Epoch:
    if "number" in values:
        return from_json(Epoch, values)
    # lemur 0.1 kept the columns, and what they do not hold of the net.
    return replace(epoch_of(values), size=_size(values.get("size")))


def _enter(engine: Engine, ledger: Ledger, line: Mapping[str, Any], patience_s: float) -> _Fate:
    """Enter a line, if the trial is still its owner's; return what became of it."""

    def enter(connection: Connection) -> bool | None:
        trial = schema.trial.c
        found = connection.execute(
            select(trial.id, trial.owner).where(trial.uid == line["trial"])
        ).first()
        if found is None:
            return None
        if "end" in line:
            return ledger.end(connection, found.id, line["owner"], line["end"], _OPEN)
        if found.owner != line["owner"]:
            raise NotHeldError
        if "facts" in line:
            replace = line["replace"]
            return write_facts(connection, found.id, line["of"], line["facts"], replace=replace)
        is_new = ledger.enter(connection, found.id, line["owner"], line["epoch"])
        facts = check_facts(line["epoch"].facts)
        return write_facts(connection, found.id, line["epoch"].number, facts) or is_new

    try:
        done = patiently(engine, enter, patience_s)
    except NotHeldError:
        return _Fate.SUPERSEDED
    except FactError:
        return _Fate.BAD
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError | DataError):
            return _Fate.BAD
        raise
    return _Fate.BAD if done is None else _Fate.WRITTEN if done else _Fate.THERE
