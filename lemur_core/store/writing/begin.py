"""Record the start of a trial: its row, and the code and prm that it refers to."""

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
    """Another campaign has just started a trial with this number."""


def begin_trial(
    connection: Connection,
    trial: Trial,
    codes: Mapping[CodeKey, int],
    *,
    owner: str,
    versions: Mapping[str, str],
) -> tuple[int, dict[CodeKey, int]]:
    """Record that a trial starts; doing so again changes nothing.

    Args:
        connection: Connection to the database.
        trial: The trial.
        codes: Ids of code that is already in the database.
        owner: Id of the writer that trains the trial.
        versions: Versions of all software that takes part in training.

    Returns:
        The trial's id, and the ids of all code; added ids are valid only after the commit.

    Raises:
        NumberTakenError: The trial's number is already used.
    """
    code_ids = dict(codes)
    prm = write_prm(connection, trial.prm)
    row = {
        **{field.name: field.begin(trial) for field in fields.TRIAL if field.begin is not None},
        **_code_ids(connection, code_ids, trial),
        "dataset_id": dataset_id(connection, trial.data),
        "prm": prm,
        "versions": dict(versions),
        "owner": owner,
        "started": now(),
        "seen": now(),
    }
    columns = schema.trial.c
    insert = insert_once(connection.dialect, schema.trial).values(row).returning(columns.id)
    trial_id = connection.scalar(insert)
    if trial_id is None:
        # The row already exists if an earlier commit succeeded but its confirmation was lost.
        trial_id = connection.scalar(select(columns.id).where(columns.uid == trial.uid))
    if trial_id is None:
        raise NumberTakenError
    return trial_id, code_ids


def _code_ids(
    connection: Connection, ids_by_key: dict[CodeKey, int], trial: Trial
) -> dict[str, int]:
    pipeline = trial.pipeline
    sources = (
        (schema.loader, pipeline.loader_entry, pipeline.loader_entry.source()),
        (schema.metric, pipeline.metric_entry, pipeline.metric_entry.source()),
        (schema.nn, pipeline.net_entry, pipeline.net_entry.code()),
        (schema.transform, trial.transform_entry, trial.transform_entry.source()),
    )
    key_by_table = {}
    missing = []
    for table, entry, source in sources:
        key = (table.name, entry.name, code_hash(source))
        if key not in ids_by_key:
            missing.append((table, key, StoredCode.of(source)))
        key_by_table[table.name] = key
    write_codes(connection, [code for _, _, code in missing])
    for table, key, code in missing:
        ids_by_key[key] = code_id(connection, table, key[1], code)
    return {f"{name}_id": ids_by_key[key] for name, key in key_by_table.items()}


def write_prm(connection: Connection, prm: Mapping[str, Any]) -> str:
    """Write hyperparameters if they do not exist yet; return their uid."""
    uid = prm_uid(prm)
    rows = [
        {"uid": uid, "name": storable(name), "value": value}
        # Always in the same order, to avoid deadlocks between campaigns.
        for name, value in sorted(prm.items())
    ]
    if rows:
        connection.execute(insert_once(connection.dialect, schema.prm), rows)
    return uid
