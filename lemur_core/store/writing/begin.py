"""Write the first of a trial: its row, and the code and prm that it points to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from lemur_core.store import fields, schema
from lemur_core.store.code import StoredCode, code_id, write_codes
from lemur_core.store.datasets import dataset_id
from lemur_core.store.identity import code_hash, prm_uid
from lemur_core.store.statements import insert_once
from lemur_core.store.text import now, storable

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    sources = (
        (schema.loader, pipeline.loader_entry, pipeline.loader_entry.source()),
        (schema.metric, pipeline.metric_entry, pipeline.metric_entry.source()),
        (schema.nn, pipeline.net_entry, pipeline.net_entry.code()),
        (schema.transform, trial.transform_entry, trial.transform_entry.source()),
    )
    found = {}
    missing = []
    for table, entry, source in sources:
        key = (table.name, entry.name, code_hash(source))
        if key not in known:
            missing.append((table, key, StoredCode.of(source)))
        found[table.name] = key
    write_codes(connection, [code for _, _, code in missing])
    for table, key, code in missing:
        known[key] = code_id(connection, table, key[1], code)
    return {f"{name}_id": known[key] for name, key in found.items()}


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
