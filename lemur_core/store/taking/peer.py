"""LEMUR's SQLite database: tables stat, nn, metric, transform, prm, and train_stat where it is."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import groupby
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any

from lemur_core.kinds.importer import Fault
from lemur_core.store.identity import exact
from lemur_core.store.sqlite_file import connect_to_read
from lemur_core.store.taking.foreign import ForeignFile, open_foreign
from lemur_core.store.taking.records import (
    Batch,
    MalformedError,
    PipelineNames,
    PublishedEpoch,
    record_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEEDED = {
    "stat": (
        "task", "dataset", "metric", "nn", "epoch", "id", "accuracy", "duration", "transform",
        "prm",
    ),
    "prm": ("uid", "name", "value"),
}  # fmt: skip
_LONGEST_ID = 40
_MEASURED_TABLE = "train_stat"
_CODE = ("nn", "metric", "transform")


def is_peers(file: Path) -> bool:
    """Return whether a file is a database of LEMUR's."""
    try:
        with closing(connect_to_read(file)) as connection:
            # A few thousand names are more than any database of LEMUR's has.
            query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            names = {name for (name,) in connection.execute(query).fetchmany(10_000)}
    except (sqlite3.Error, OSError):
        return False
    return names >= _NEEDED.keys() and "alembic_version" not in names


def read_peer(file: Path) -> Iterator[Batch | Fault]:
    """Yield the records of each pipeline together, and what could not be read."""
    with open_foreign(file, (*_NEEDED, *_CODE, _MEASURED_TABLE)) as peer:
        yield from peer.faults
        lacking = [*_lacking(file, peer)]
        yield from lacking
        if lacking or not peer.columns.keys() >= _NEEDED.keys():
            return
        codes: dict[str, dict[str, str]] = {}
        prms: dict[str, dict[str, Any]] = {}
        yield from _read_codes(file, peer, codes)
        yield from _read_prms(file, peer, prms)
        yield from _batches(file, peer, prms, codes)


def _lacking(file: Path, peer: ForeignFile) -> Iterator[Fault]:
    for table, needed in _NEEDED.items():
        missing = [name for name in needed if name not in peer.columns.get(table, needed)]
        if missing:
            shown = ", ".join(map(repr, missing))
            yield Fault(f"{file}, table {table}", f"has no column {shown}")


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
            yield Fault(str(file), f"stat {shown(names)} is no task, data set, metric and net")
            continue
        batch = Batch(PipelineNames(*names), [], {}, codes)
        again: Counter[str] = Counter()
        for _, _, _, _, epoch, row, accuracy, duration, transform, uid in group:
            facts = {
                **prms.get(uid, {}),
                **measured.get(row, {}),
                "accuracy": accuracy,
                "duration": duration,
                "transform": transform,
                "uid": uid,
            }
            facts = {name: value for name, value in facts.items() if value is not None}
            try:
                batch.records.append(_record(batch, epoch, facts, again))
            except MalformedError as error:
                yield Fault(f"{file}, stat {_id(row)}", str(error))
        yield batch


def _id(row: Any) -> str:
    return row if isinstance(row, str) and len(row) <= _LONGEST_ID else shown(row)


def _read_codes(file: Path, peer: ForeignFile, codes: dict[str, dict[str, str]]) -> Iterator[Fault]:
    """Read the sources that the database holds, by table and name; yield what is none."""
    for table in _CODE:
        if not peer.columns.get(table, set()) >= {"name", "code"}:
            continue
        found = codes.setdefault(table, {})
        for name, code in peer.rows(f"SELECT name, code FROM {table}"):  # noqa: S608
            if not isinstance(name, str):
                yield Fault(f"{file}, table {table}", f"name {shown(name)}: expected text")
            elif isinstance(code, str) and code:
                found[name] = code
            elif code:
                yield Fault(
                    f"{file}, {table} {_id(name)}", f"code {shown(code)}: expected text; left out"
                )


def _record(batch: Batch, epoch: Any, facts: dict[str, Any], again: Counter[str]) -> PublishedEpoch:
    if type(epoch) is not int or epoch < 1:
        raise MalformedError(f"epoch {epoch!r}: expected a number from 1")
    try:
        text = f"{epoch}{exact(facts)}"
    except (ValueError, TypeError):
        raise MalformedError("holds what no JSON has") from None
    again[text] += 1
    return record_of(batch, epoch, facts, copy=again[text] - 1)


def _read_prms(file: Path, peer: ForeignFile, prms: dict[str, dict[str, Any]]) -> Iterator[Fault]:
    """Read hyperparameters by uid; yield what is none."""
    # Where the column is one of texts, numbers are texts in it.
    as_text = "TEXT" in peer.types["prm"]["value"].upper()
    for uid, name, value in peer.rows("SELECT uid, name, value FROM prm"):
        if isinstance(name, str):
            prms.setdefault(uid, {})[name] = _number(value) if as_text else value
        else:
            yield Fault(f"{file}, prm {shown(uid)}", f"name {shown(name)}: expected text")


def _measured(peer: ForeignFile) -> dict[str, dict[str, Any]]:
    known = peer.columns.get(_MEASURED_TABLE, set())
    columns = sorted(known - {"stat_id"})
    if not columns or "stat_id" not in known:
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
