"""LEMUR's SQLite database: tables stat, nn, metric, transform, prm, and train_stat where it is."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from lemur_core.kinds.importer import Fault
from lemur_core.store.identity import exact
from lemur_core.store.taking.records import (
    Batch,
    MalformedError,
    Pipeline,
    Record,
    record_of,
)

_NEEDED = {"stat", "prm"}
_CODE = ("nn", "metric", "transform")


def is_peers(file: Path) -> bool:
    """Return whether a file is a database of LEMUR's."""
    try:
        with closing(_open(file)) as connection:
            tables = {name for (name,) in connection.execute("select name from sqlite_master")}
    except sqlite3.Error:
        return False
    return tables >= _NEEDED and "alembic_version" not in tables


def read_peer(file: Path) -> Iterator[Batch | Fault]:
    """Yield the records of each pipeline together, and what could not be read."""
    with closing(_open(file)) as connection:
        prms, codes = _prms(connection), read_code(file)
        measured = _measured(connection)
        rows = connection.execute(
            "select task, dataset, metric, nn, epoch, id, accuracy, duration, transform, prm"
            " from stat order by 1, 2, 3, 4, 5, accuracy desc"
        )
        for names, group in groupby(rows, lambda row: row[:4]):
            if not all(isinstance(name, str) and name and "_" not in name for name in names):
                yield Fault(str(file), f"stat {names!r} is no task, data set, metric and net")
                continue
            batch = Batch(Pipeline(*names), [], {}, codes)
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
                    yield Fault(f"{file}, stat {row}", str(error))
            yield batch


def read_code(file: Path) -> dict[str, dict[str, str]]:
    """Return the sources that the database holds, by table and name."""
    found: dict[str, dict[str, str]] = {}
    with closing(_open(file)) as connection:
        for table in _CODE:
            if _columns(connection, table) >= {"name", "code"}:
                rows = connection.execute(f"select name, code from {table}")  # noqa: S608
                found[table] = {name: code for name, code in rows if isinstance(name, str) and code}
    return found


def _record(batch: Batch, epoch: Any, facts: dict[str, Any], again: Counter[str]) -> Record:
    if type(epoch) is not int or epoch < 1:
        raise MalformedError(f"epoch {epoch!r}: expected a number from 1")
    try:
        text = f"{epoch}{exact(facts)}"
    except (ValueError, TypeError):
        raise MalformedError("holds what no JSON has") from None
    again[text] += 1
    return record_of(batch, epoch, facts, copy=again[text] - 1)


def _prms(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    # Where the column is one of texts, numbers are texts in it.
    as_text = "TEXT" in _types(connection, "prm").get("value", "").upper()
    found: dict[str, dict[str, Any]] = {}
    for uid, name, value in connection.execute("select uid, name, value from prm"):
        found.setdefault(uid, {})[name] = _number(value) if as_text else value
    return found


def _measured(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    columns = sorted(_columns(connection, "train_stat") - {"stat_id"})
    if not columns:
        return {}
    quoted = ", ".join('"{}"'.format(name.replace('"', '""')) for name in columns)
    rows = connection.execute(f"select stat_id, {quoted} from train_stat")  # noqa: S608
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def _number(value: Any) -> Any:
    try:
        number = json.loads(value)
    except (TypeError, ValueError):
        return value
    return number if type(number) in (int, float) else value


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return set(_types(connection, table))


def _types(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    return {row[1]: row[2] for row in connection.execute(f"pragma table_info({table})")}


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda text: text.decode(errors="backslashreplace")
    return connection
