"""Read LEMUR's SQLite database: tables stat, nn, metric, transform, prm and, if any, train_stat."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import groupby
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any

from lemur_core.kinds.importer import Fault
from lemur_core.store.identity import canonical_json
from lemur_core.store.importing.foreign import ForeignFile, open_foreign
from lemur_core.store.importing.records import (
    Batch,
    MalformedError,
    PipelineNames,
    PublishedEpoch,
    record_of,
)
from lemur_core.store.sqlite_file import connect_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REQUIRED_COLUMNS = {
    "stat": (
        "task", "dataset", "metric", "nn", "epoch", "id", "accuracy", "duration", "transform",
        "prm",
    ),
    "prm": ("uid", "name", "value"),
}  # fmt: skip
_LONGEST_ID = 40
_MEASURED_TABLE = "train_stat"
_CODE = ("nn", "metric", "transform")


def is_lemur_database(file: Path) -> bool:
    """Return whether a file is a LEMUR database."""
    try:
        with closing(connect_to_read(file)) as connection:
            # No LEMUR database has nearly as many names.
            query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            names = {name for (name,) in connection.execute(query).fetchmany(10_000)}
    except (sqlite3.Error, OSError):
        return False
    return names >= _REQUIRED_COLUMNS.keys() and "alembic_version" not in names


def read_lemur_database(file: Path) -> Iterator[Batch | Fault]:
    """Yield a batch for each pipeline, and a fault for whatever could not be read."""
    with open_foreign(file, (*_REQUIRED_COLUMNS, *_CODE, _MEASURED_TABLE)) as peer:
        yield from peer.faults
        faults = [*_missing_columns(file, peer)]
        yield from faults
        if faults or not peer.columns.keys() >= _REQUIRED_COLUMNS.keys():
            return
        codes: dict[str, dict[str, str]] = {}
        prms: dict[str, dict[str, Any]] = {}
        yield from _read_codes(file, peer, codes)
        yield from _read_prms(file, peer, prms)
        yield from _batches(file, peer, prms, codes)


def _missing_columns(file: Path, peer: ForeignFile) -> Iterator[Fault]:
    for table, required in _REQUIRED_COLUMNS.items():
        missing = [name for name in required if name not in peer.columns.get(table, required)]
        if missing:
            columns = ", ".join(map(repr, missing))
            yield Fault(f"{file}, table {table}", f"has no column {columns}")


def _batches(
    file: Path, peer: ForeignFile, prms: dict[str, dict[str, Any]], codes: dict[str, dict[str, str]]
) -> Iterator[Batch | Fault]:
    measured = _measured(peer)
    rows = peer.rows(
        "SELECT task, dataset, metric, nn, epoch, id, accuracy, duration, transform, prm"
        " FROM stat ORDER BY 1, 2, 3, 4, 5, accuracy DESC"
    )
    for names, group in groupby(rows, lambda row: row[:4]):
        if not all(isinstance(name, str) and name and "_" not in name for name in names):
            yield Fault(str(file), f"stat {shown(names)} is not a task, dataset, metric and net")
            continue
        batch = Batch(PipelineNames(*names), [], {}, codes)
        copies: Counter[str] = Counter()
        for _, _, _, _, epoch, stat_id, accuracy, duration, transform, uid in group:
            values = {
                **prms.get(uid, {}),
                **measured.get(stat_id, {}),
                "accuracy": accuracy,
                "duration": duration,
                "transform": transform,
                "uid": uid,
            }
            values = {name: value for name, value in values.items() if value is not None}
            try:
                batch.records.append(_record(batch, epoch, values, copies))
            except MalformedError as error:
                yield Fault(f"{file}, stat {_id(stat_id)}", str(error))
        yield batch


def _id(row: Any) -> str:
    return row if isinstance(row, str) and len(row) <= _LONGEST_ID else shown(row)


def _read_codes(file: Path, peer: ForeignFile, codes: dict[str, dict[str, str]]) -> Iterator[Fault]:
    """Read the sources in the database into ``codes``, by table and name; yield faults."""
    for table in _CODE:
        if not peer.columns.get(table, set()) >= {"name", "code"}:
            continue
        codes_by_name = codes.setdefault(table, {})
        for name, code in peer.rows(f"SELECT name, code FROM {table}"):  # noqa: S608
            if not isinstance(name, str):
                yield Fault(f"{file}, table {table}", f"name {shown(name)}: expected text")
            elif isinstance(code, str) and code:
                codes_by_name[name] = code
            elif code:
                yield Fault(
                    f"{file}, {table} {_id(name)}", f"code {shown(code)}: expected text; left out"
                )


def _record(
    batch: Batch, epoch: Any, values: dict[str, Any], copies: Counter[str]
) -> PublishedEpoch:
    if type(epoch) is not int or epoch < 1:
        raise MalformedError(f"epoch {epoch!r}: expected a number from 1")
    try:
        text = f"{epoch}{canonical_json(values)}"
    except (ValueError, TypeError):
        raise MalformedError("contains a value that JSON cannot hold") from None
    copies[text] += 1
    return record_of(batch, epoch, values, copy=copies[text] - 1)


def _read_prms(file: Path, peer: ForeignFile, prms: dict[str, dict[str, Any]]) -> Iterator[Fault]:
    """Read hyperparameters into ``prms``, by uid; yield faults."""
    # If the column's type is text, numbers are stored as text.
    as_text = "TEXT" in peer.types["prm"]["value"].upper()
    for uid, name, value in peer.rows("SELECT uid, name, value FROM prm"):
        if isinstance(name, str):
            prms.setdefault(uid, {})[name] = _number(value) if as_text else value
        else:
            yield Fault(f"{file}, prm {shown(uid)}", f"name {shown(name)}: expected text")


def _measured(peer: ForeignFile) -> dict[str, dict[str, Any]]:
    available = peer.columns.get(_MEASURED_TABLE, set())
    columns = sorted(available - {"stat_id"})
    if not columns or "stat_id" not in available:
        return {}
    quoted = ", ".join('"{}"'.format(name.replace('"', '""')) for name in columns)
    rows = peer.rows(f"SELECT stat_id, {quoted} FROM {_MEASURED_TABLE}")  # noqa: S608
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def _number(value: Any) -> Any:
    try:
        number = json.loads(value)
    except (TypeError, ValueError):
        return value
    return number if type(number) in (int, float) else value
