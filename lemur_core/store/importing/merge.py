"""Merge another lemur database: its trials with their code, and what it imported itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from os.path import samefile
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Table, exists, func, select

from lemur_core.codec import DECODING_ERRORS
from lemur_core.errors import LemurError, StoreError, error_text
from lemur_core.fact import WHOLE_TRIAL
from lemur_core.store import fields, schema
from lemur_core.store.attached import attached_trials, read_attached, without
from lemur_core.store.code import CODE_TABLES, NamedCode, code_id, read_codes
from lemur_core.store.database import sqlite_file
from lemur_core.store.datasets import dataset_id, read_datasets
from lemur_core.store.facts import write_facts
from lemur_core.store.importing.attached import AttachedImport, import_attached
from lemur_core.store.importing.code_facts import merge_code_facts
from lemur_core.store.importing.intake import import_records
from lemur_core.store.importing.records import (
    Batch,
    PipelineNames,
    PublishedEpoch,
    is_of_named_trial,
    is_plain,
    lemur_values_of,
)
from lemur_core.store.importing.source import check_source
from lemur_core.store.patience import patiently
from lemur_core.store.reading.frame import read_prms
from lemur_core.store.statements import insert_once, where_in
from lemur_core.store.trouble import place
from lemur_core.trial import UNFINISHED, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core.dataset import DatasetRecord
    from lemur_core.kinds.importer import Fault

MERGED_FROM = "merged.from"
"""Fact of a trial: the database from which it was merged first, as the user named it."""
_NAMES = ("task", "dataset", "metric", "nn")
# Number of trials per transaction.
_TRIALS_AT_ONCE = 1_000
_END_COLUMNS = [field.name for field in fields.TRIAL if field.end is not None or field.changes]
Facts = dict[str, Any]


@dataclass
class MergeResult:
    """The result of a merge.

    Attributes:
        trials: Number of trials added, of those trained by lemur.
        epochs: Number of epochs added, including those that the other database imported.
        code_facts: Number of facts about code added.
        attached: The result of importing facts, artefacts and collections.
    """

    trials: int = 0
    epochs: int = 0
    code_facts: int = 0
    attached: AttachedImport = field(default_factory=AttachedImport)


def merge(engine: Engine, other: Engine) -> MergeResult:
    """Write the trials of another database and what is attached to them.

    Each trial that is added gets the fact `MERGED_FROM`, unless it has one from an earlier merge.
    Existing rows are left unchanged. A trial whose number is already used gets the next free
    number. A trial that is unfinished here and has ended in the other database is ended.

    Raises:
        StoreError: Both are the same database, the other one is not one that lemur wrote, or one
            of them cannot be read or written.
    """
    check_different(engine, other)
    check_source(other)
    try:
        return _merge(engine, other)
    except LemurError:
        raise
    except DECODING_ERRORS as error:
        why = error_text(error)
        raise StoreError(
            f"database {place(other)}: holds a value that lemur does not write ({why})"
        ) from error


def check_different(engine: Engine, other: Engine) -> None:
    """Raise `StoreError` if two engines lead to the same database."""
    own, others = (sqlite_file(database.url) for database in (engine, other))
    if own is None or others is None:
        is_same = engine.url == other.url
    else:
        is_same = own.exists() and others.exists() and samefile(own, others)
    if is_same:
        raise StoreError(
            f"database {place(other)}: is the one to merge into; name another, or another --db"
        )


def _merge(engine: Engine, other: Engine) -> MergeResult:
    result = MergeResult()
    refused: set[str] = set()
    faults: list[Fault] = []
    ids = patiently(other, _trained_ids)
    for start in range(0, len(ids), _TRIALS_AT_ONCE):
        chunk_ids = ids[start : start + _TRIALS_AT_ONCE]
        chunk = patiently(other, partial(_TrialChunk.read, ids=chunk_ids))
        trials, epochs = patiently(engine, partial(chunk.write, place=place(other)))
        result.trials += trials
        result.epochs += epochs
    for source in patiently(other, _sources):
        batches = patiently(other, partial(_imported_batches, source=source["id"]))
        report = import_records(engine, batches, source["place"], source["form"], source["taken"])
        result.epochs += report.added
        refused |= report.refused
        faults += report.faults
    result.code_facts, refused_facts = merge_code_facts(engine, other)
    attached = without(read_attached(other), refused)
    # Trials that were added have it already; one that was here before came from nowhere.
    facts = (facts_of_trial.without(MERGED_FROM) for facts_of_trial in attached.facts)
    result.attached = import_attached(engine, replace(attached, facts=facts))
    result.attached.faults += faults + refused_facts
    return result


@dataclass(frozen=True)
class _TrialChunk:
    """Some trials, and everything they refer to."""

    trials: Sequence[Facts]
    stats: Mapping[int, Sequence[Facts]]
    prms: Sequence[Facts]
    codes: Mapping[str, Mapping[int, NamedCode]]
    datasets: Mapping[int | None, DatasetRecord]
    origins: Mapping[int, Any]

    @classmethod
    def read(cls, connection: Connection, ids: Sequence[int]) -> _TrialChunk:
        """Read trials by their ids."""
        trials = _rows(connection, schema.trial, "id", ids)
        stats: dict[int, list[Facts]] = {}
        for row in _rows(connection, schema.stat, "trial_id", ids):
            stats.setdefault(row.pop("trial_id"), []).append(row)
        prms = _rows(connection, schema.prm, "uid", list({row["prm"] for row in trials}))
        codes = {
            table.name: read_codes(connection, table, {row[f"{table.name}_id"] for row in trials})
            for table in CODE_TABLES
        }
        datasets = read_datasets(connection, {row["dataset_id"] for row in trials} - {None})
        return cls(trials, stats, prms, codes, datasets, _origins(connection, ids))

    def write(self, connection: Connection, place: str) -> tuple[int, int]:
        """Write the trials; return the number of trials and the number of epochs added.

        Args:
            connection: Connection to the database to merge into.
            place: What the other database is called.
        """
        if self.prms:
            connection.execute(insert_once(connection.dialect, schema.prm), self.prms)
        ids = {
            (table.name, other_id): code_id(connection, table, name, code)
            for table in CODE_TABLES
            for other_id, (name, code) in self.codes[table.name].items()
        }
        datasets = {
            other_id: dataset_id(connection, record) for other_id, record in self.datasets.items()
        }
        trials = epochs = 0
        for trial in self.trials:
            row = {**trial, "dataset_id": datasets.get(trial["dataset_id"])}
            added, trial_id = _write_trial(connection, row, ids)
            if added:
                trials += 1
                origin = self.origins.get(trial["id"], place)
                write_facts(connection, trial_id, WHOLE_TRIAL, {MERGED_FROM: origin})
            rows = [{**row, "trial_id": trial_id} for row in self.stats.get(trial["id"], ())]
            if rows:
                insert = insert_once(connection.dialect, schema.stat)
                epochs += connection.execute(insert, rows).rowcount
        return trials, epochs


def _write_trial(
    connection: Connection, values: Facts, code_ids: Mapping[tuple[str, int], int]
) -> tuple[bool, int]:
    """Write a trial; return whether it was added, and its id."""
    trial = schema.trial.c
    row = {name: value for name, value in values.items() if name != "id"}
    for table in CODE_TABLES:
        column = f"{table.name}_id"
        if row[column] is not None:
            row[column] = code_ids[table.name, row[column]]
    query = select(trial.id, trial.state, trial.dataset_id).where(trial.uid == row["uid"])
    existing = connection.execute(query).first()
    if existing is not None:
        if existing.dataset_id is None and row["dataset_id"] is not None:
            update = schema.trial.update().where(trial.id == existing.id)
            connection.execute(update.values(dataset_id=row["dataset_id"]))
        if existing.state in UNFINISHED and row["state"] not in UNFINISHED:
            end = {name: row[name] for name in _END_COLUMNS}
            connection.execute(schema.trial.update().where(trial.id == existing.id).values(end))
        return False, existing.id
    row["number"] = _free_number(connection, row)
    added = schema.trial.insert().values(row).returning(trial.id)
    return True, connection.execute(added).scalar_one()


def _free_number(connection: Connection, row: Facts) -> int | None:
    trial = schema.trial.c
    if row["number"] is None:
        return None
    same_pipeline = [trial[name] == row[name] for name in _NAMES]
    if (
        connection.scalar(select(trial.id).where(*same_pipeline, trial.number == row["number"]))
        is None
    ):
        number: int = row["number"]
        return number
    return (connection.scalar(select(func.max(trial.number)).where(*same_pipeline)) or 0) + 1


def _rows(connection: Connection, table: Table, name: str, values: Sequence[Any]) -> list[Facts]:
    queries = where_in(select(table).order_by(*table.primary_key), table.c[name], values)
    return [dict(row) for query in queries for row in connection.execute(query).mappings()]


def _trained_ids(connection: Connection) -> list[int]:
    trial, stat = schema.trial.c, schema.stat.c
    is_imported = exists().where(stat.trial_id == trial.id, stat.source_id.is_not(None))
    return list(connection.scalars(select(trial.id).where(~is_imported).order_by(trial.id)))


def _origins(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    """Return where trials came from, by id, if they were merged before."""
    fact = schema.fact.c
    query = select(fact.trial_id, fact.value).where(
        fact.name == MERGED_FROM, fact.epoch == WHOLE_TRIAL
    )
    return {
        row.trial_id: row.value
        for part in where_in(query, fact.trial_id, ids)
        for row in connection.execute(part)
    }


def _sources(connection: Connection) -> list[Facts]:
    query = select(schema.source).order_by(schema.source.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _imported_batches(connection: Connection, source: int) -> list[Batch]:
    """Return the records that a database imported from a source, with their code."""
    trial, stat = schema.trial.c, schema.stat.c
    parts = [
        *(trial[name] for name in _NAMES),
        *(trial[f"{table.name}_id"] for table in CODE_TABLES),
    ]
    query = (
        select(schema.trial, schema.stat)
        .join_from(schema.stat, schema.trial)
        .where(stat.source_id == source)
        .order_by(*parts, stat.epoch)
    )
    rows = connection.execute(query).mappings().all()
    prms = read_prms(connection, list({row[trial.prm] for row in rows}))
    datasets = read_datasets(connection, {row[trial.dataset_id] for row in rows} - {None})
    attached = attached_trials(connection)
    # Nets with the same name may have different code, so each batch has its own.
    codes = [
        read_codes(connection, table, {row[trial[f"{table.name}_id"]] for row in rows})
        for table in CODE_TABLES
    ]
    batches = []
    for key, group in groupby(rows, lambda row: tuple(row[part] for part in parts)):
        names, ids = key[: len(_NAMES)], key[len(_NAMES) :]
        used = {
            table.name: dict([codes_by_id[row_id]])
            for table, codes_by_id, row_id in zip(CODE_TABLES, codes, ids, strict=True)
            if row_id is not None
        }
        records = [_record(row, datasets, row[trial.id] in attached) for row in group]
        batches.append(Batch(PipelineNames(*names), records, prms, used))
    return batches


def _record(
    row: Any, datasets: Mapping[int | None, DatasetRecord], has_attached: bool
) -> PublishedEpoch:
    trial, stat = schema.trial.c, schema.stat.c
    lemur_values = None
    if has_attached or not is_plain(row):
        lemur_values = lemur_values_of(row, datasets.get(row[trial.dataset_id]))
        is_named = is_of_named_trial(row[stat.record]) or has_attached
        if row[trial.state] == State.IMPORTED and not is_named:
            # Its trial is assigned as for any record of LEMUR's.
            lemur_values.pop("trial")
    return PublishedEpoch(
        row[stat.epoch], row[stat.accuracy], row[stat.duration], row[stat.loss],
        row[trial.prm], row[stat.extra] or "", lemur_values, row[stat.record],
    )  # fmt: skip
