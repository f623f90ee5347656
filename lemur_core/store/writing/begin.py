"""Write the first of a trial: its row, and the code and prm that it points to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, select

from lemur_core.entry import Entry
from lemur_core.store import fields, schema
from lemur_core.store.datasets import dataset_id
from lemur_core.store.identity import code_hash, prm_uid
from lemur_core.store.text import now, storable
from lemur_core.store.writing.ledger import insert_once
from lemur_core.trial import Trial

CodeKey = tuple[str, str, str]


class NumberTakenError(Exception):
    """Another campaign began a trial of this number a moment ago."""


def begin_trial(
    connection: Connection,
    trial: Trial,
    codes: Mapping[CodeKey, int],
    *,
    owner: str,
    versions: Mapping[str, str],
) -> tuple[int, dict[CodeKey, int]]:
    """Write a trial that starts; done twice, it is there once.

    Args:
        connection: To the database.
        trial: What starts.
        codes: Ids of code that is in the database.
        owner: The process that trains it.
        versions: Of all that trains.

    Returns:
        The trial's id, and the ids of code; those that were added hold once this is committed.

    Raises:
        NumberTakenError: Its number is another trial's.
    """
    known = dict(codes)
    prm = write_prm(connection, trial.prm)
    row = {
        **{field.name: field.begin(trial) for field in fields.TRIAL if field.begin is not None},
        **_code_ids(connection, known, trial),
        "dataset_id": dataset_id(connection, trial.data),
        "prm": prm,
        "versions": dict(versions),
        "owner": owner,
        "started": now(),
        "seen": now(),
    }
    columns = schema.trial.c
    insert = insert_once(connection.dialect, schema.trial).values(row).returning(columns.id)
    found = connection.scalar(insert)
    if found is None:
        # It is there already where the commit was made and only its answer was lost.
        found = connection.scalar(select(columns.id).where(columns.uid == trial.uid))
    if found is None:
        raise NumberTakenError
    return found, known


def _code_ids(connection: Connection, known: dict[CodeKey, int], trial: Trial) -> dict[str, int]:
    pipeline = trial.pipeline
    entries = (
        (schema.loader, pipeline.loader_entry),
        (schema.metric, pipeline.metric_entry),
        (schema.nn, pipeline.net_entry),
        (schema.transform, trial.transform_entry),
    )
    return {
        f"{table.name}_id": _code_id(connection, known, table, entry) for table, entry in entries
    }


def _code_id(connection: Connection, known: dict[CodeKey, int], table: Table, entry: Entry) -> int:
    code = entry.code() if table is schema.nn else entry.source()
    key = (table.name, entry.name, code_hash(code))
    if key not in known:
        known[key] = code_id(connection, table, entry.name, code)
    return known[key]


def code_id(connection: Connection, table: Table, name: str, code: str) -> int:
    """Return the id of a source, which is written where it is not there yet."""
    columns, name, identity = table.c, storable(name), code_hash(code)
    same = select(columns.id).where(columns.name == name, columns.hash == identity)
    found: int | None = connection.scalar(same)
    if found is None:
        row = {"name": name, "code": storable(code), "hash": identity}
        connection.execute(insert_once(connection.dialect, table).values(row))
        # Its id may be of the row that another campaign wrote a moment ago.
        return int(connection.execute(same).scalar_one())
    return found


def write_prm(connection: Connection, prm: Mapping[str, Any]) -> str:
    """Write hyperparameters where they are not there yet; return their uid."""
    uid = prm_uid(prm)
    rows = [
        {"uid": uid, "name": storable(name), "value": value}
        # In one order, so that no two campaigns wait for each other's rows.
        for name, value in sorted(prm.items())
    ]
    if rows:
        connection.execute(insert_once(connection.dialect, schema.prm), rows)
    return uid
