"""Write imported records; importing them again changes nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sqlalchemy import Connection, Engine, Select, Table, bindparam, func, select

from lemur_core.garbage import collection_paused
from lemur_core.kinds.importer import Fault
from lemur_core.store import fields, schema
from lemur_core.store.code import StoredCode, code_id
from lemur_core.store.datasets import data_of, dataset_id
from lemur_core.store.identity import digest
from lemur_core.store.importing.attached import AttachedImport
from lemur_core.store.importing.origin import ImportOrigin, source_id
from lemur_core.store.importing.records import Batch, PipelineNames, PublishedEpoch
from lemur_core.store.patience import patiently
from lemur_core.store.statements import Compiled, insert_once, where_in
from lemur_core.store.tables import ADVISORY_LOCK
from lemur_core.store.text import storable
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# Number of records per transaction, so that other writers wait only a fraction of a second.
_RECORDS_AT_ONCE = 2_500
# Columns of a trial and of an epoch that `_Writer` computes itself.
_COMPUTED_TRIAL_COLUMNS = (
    "uid", "task", "dataset", "metric", "nn", "dataset_id", "metric_id", "nn_id", "transform_id",
    "prm", "state",
)  # fmt: skip
_COMPUTED_STAT_COLUMNS = (
    "trial_id", "epoch", "accuracy", "loss", "duration", "source_id", "record", "extra",
)  # fmt: skip
# Columns that only lemur's own records have, and their values for other records.
_LEMUR_TRIAL_FIELDS = [
    column
    for column in fields.TRIAL
    if column.published and column.name not in _COMPUTED_TRIAL_COLUMNS
]
_UNKNOWN_TRIAL_VALUES = [column.for_driver(column.default) for column in _LEMUR_TRIAL_FIELDS]
_LEMUR_STAT_COLUMNS = [column.name for column in fields.EPOCH if column.published]
_UNKNOWN_STAT_VALUES = [None] * len(_LEMUR_STAT_COLUMNS)
# Columns that no record has but that must have a value.
_DEFAULT_FIELDS = [
    column for column in fields.TRIAL if not column.published and column.default is not None
]
_DEFAULT_VALUES = [column.for_driver(column.default) for column in _DEFAULT_FIELDS]
_NO_VALUES: dict[str, Any] = {}
_PRM_COLUMNS = ["uid", "name", "value"]


def _table_order(
    table: Table, names: Sequence[str]
) -> tuple[list[str], Callable[[Sequence[Any]], Sequence[Any]]]:
    """Return columns in the table's order, and a function that reorders values accordingly."""
    ordered = [column.name for column in table.columns if column.name in names]
    return ordered, itemgetter(*map(names.index, ordered))


_TRIAL_COLUMNS, _trial_order = _table_order(
    schema.trial,
    [
        *_COMPUTED_TRIAL_COLUMNS,
        *(column.name for column in (*_LEMUR_TRIAL_FIELDS, *_DEFAULT_FIELDS)),
    ],
)
_STAT_COLUMNS, _stat_order = _table_order(
    schema.stat, [*_COMPUTED_STAT_COLUMNS, *_LEMUR_STAT_COLUMNS]
)


MOST_FAULTS = 1_000
"""Maximum number of faults kept in a report; the others are only counted."""


class Faults(list[Fault]):
    """A list that keeps the first `MOST_FAULTS` faults and counts all of them.

    Attributes:
        total: Total number of faults.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        super().__init__()
        self.total = 0
        self.extend(faults)

    def append(self, fault: Fault) -> None:
        """Count a fault, and keep it if the list is not full."""
        self.total += 1
        if len(self) < MOST_FAULTS:
            super().append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Count faults, and keep them as long as the list is not full."""
        for fault in faults:
            self.append(fault)

    def __iadd__(self, faults: Iterable[Fault]) -> Self:  # type: ignore[override,misc]
        self.extend(faults)
        return self


@dataclass
class ImportReport:
    """The result of an import.

    Attributes:
        read: Number of records read.
        added: Number of records added to the database.
        faults: What could not be imported, with its place; only the first of very many.
        refused: Unique ids of trials with an epoch that is already recorded with another score.
        attached: The result of importing facts, artefacts and collections.
        code_facts: Number of facts about code added.
    """

    read: int = 0
    added: int = 0
    faults: Faults = field(default_factory=Faults)
    refused: set[str] = field(default_factory=set)
    attached: AttachedImport = field(default_factory=AttachedImport)
    code_facts: int = 0


def import_records(
    engine: Engine,
    items: Iterable[Batch | Fault],
    place: str,
    form: str,
    taken: str | None = None,
) -> ImportReport:
    """Write records to a database; existing records are left unchanged.

    Args:
        engine: The database.
        items: Batches of records, and faults for what could not be read.
        place: Where the records come from, as the user named it.
        form: Name of the importer.
        taken: Time of the original import, ISO 8601; None for the current time.

    Returns:
        The result of the import.
    """
    writer, report = _Writer(engine, ImportOrigin.at(place, form, taken)), ImportReport()
    batches: list[Batch] = []
    with collection_paused():
        for item in items:
            if isinstance(item, Fault):
                report.faults.append(item)
                continue
            batches.append(item)
            report.read += len(item.records)
            if sum(len(batch.records) for batch in batches) >= _RECORDS_AT_ONCE:
                _add_to_report(report, *writer.write(batches))
                batches = []
        if batches:
            _add_to_report(report, *writer.write(batches))
    return report


def _add_to_report(report: ImportReport, added: int, refused: Sequence[_RefusedRecord]) -> None:
    report.added += added
    for refusal in refused:
        report.refused.add(refusal.trial)
        report.faults.append(
            Fault(
                f"trial {refusal.trial}",
                f"epoch {refusal.record.epoch} is already recorded with accuracy "
                f"{refusal.recorded}; got {refusal.record.accuracy}",
            )
        )


class _Writer:
    def __init__(self, engine: Engine, origin: ImportOrigin) -> None:
        self._engine = engine
        self._origin = origin
        dialect = engine.dialect
        self._insert_trial = Compiled(insert_once(dialect, schema.trial), dialect, _TRIAL_COLUMNS)
        self._insert_stat = Compiled(insert_once(dialect, schema.stat), dialect, _STAT_COLUMNS)
        self._of_pipeline = Compiled(_pipeline_query(), dialect)
        self._insert_prm = Compiled(insert_once(dialect, schema.prm), dialect, _PRM_COLUMNS)

    def write(self, batches: Sequence[Batch]) -> tuple[int, list[_RefusedRecord]]:
        """Write batches of records in one transaction.

        Returns:
            The number of records added, and the records that were refused.
        """
        return patiently(self._engine, lambda connection: self._write(connection, batches))

    def _write(
        self, connection: Connection, batches: Sequence[Batch]
    ) -> tuple[int, list[_RefusedRecord]]:
        _lock_writers(connection)
        recorded: dict[PipelineNames, _RecordedTrials] = {}
        assigned: list[_AssignedRecord] = []
        refused: list[_RefusedRecord] = []
        for batch in batches:
            if batch.pipeline not in recorded:
                recorded[batch.pipeline] = _RecordedTrials.of(
                    self._recorded_rows(connection, batch)
                )
            for record in _assign(batch, recorded[batch.pipeline]):
                if isinstance(record, _AssignedRecord):
                    assigned.append(record)
                else:
                    refused.append(record)
        if not assigned:
            return 0, refused
        self._insert_prm.execute_many(connection, sorted(_prm_rows(assigned)))
        first = {trial: (batch, record) for trial, batch, record in reversed(assigned)}
        trials = [
            self._trial_row(connection, uid, *first_record) for uid, first_record in first.items()
        ]
        self._insert_trial.execute_many(connection, trials)
        ids, source = _ids(connection, list(first)), source_id(connection, self._origin)
        stats = [_stat_row(ids[trial], source, record) for trial, _, record in assigned]
        return self._insert_stat.execute_many(connection, stats), refused

    def _recorded_rows(self, connection: Connection, batch: Batch) -> Iterable[Any]:
        names = {name: storable(value) for name, value in batch.pipeline._asdict().items()}
        return self._of_pipeline.execute(connection, names)

    def _trial_row(
        self, connection: Connection, uid: str, batch: Batch, record: PublishedEpoch
    ) -> Sequence[Any]:
        pipeline, lemur_values = batch.pipeline, record.lemur_values or _NO_VALUES
        names = (
            ("metric", pipeline.metric),
            ("nn", pipeline.nn),
            ("transform", batch.prms[record.prm].get("transform")),
        )
        values = (
            uid,
            *map(storable, pipeline),
            dataset_id(connection, data_of(lemur_values.get("data"))),
            *(self._code_id(connection, batch, table, name) for table, name in names),
            record.prm,
            lemur_values.get("state", State.IMPORTED),
            *(
                [field.for_driver(lemur_values.get(field.name)) for field in _LEMUR_TRIAL_FIELDS]
                if lemur_values
                else _UNKNOWN_TRIAL_VALUES
            ),
            *_DEFAULT_VALUES,
        )
        return _trial_order(values)

    def _code_id(self, connection: Connection, batch: Batch, table: str, name: Any) -> int | None:
        code = batch.codes.get(table, {}).get(name) if isinstance(name, str) else None
        if code is None:
            return None
        stored = StoredCode.of(code) if isinstance(code, str) else code
        return code_id(connection, schema.metadata.tables[table], name, stored)


class _AssignedRecord(NamedTuple):
    """A record to add, and the unique id of the trial it belongs to."""

    trial: str
    batch: Batch
    record: PublishedEpoch


class _RefusedRecord(NamedTuple):
    """A record of an epoch that is already recorded with another accuracy."""

    trial: str
    record: PublishedEpoch
    recorded: float


class _RecordedTrials(NamedTuple):
    """The recorded epochs of a pipeline.

    Attributes:
        identities: The identities of the records.
        epochs: The accuracy of each epoch, by trial and epoch.
    """

    identities: set[str]
    epochs: defaultdict[str, dict[int, float]]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, int, float]]) -> _RecordedTrials:
        """Create it from rows of record identity, trial uid, epoch and accuracy."""
        trials = cls(set(), defaultdict(dict))
        for record, uid, epoch, accuracy in rows:
            trials.identities.add(record)
            trials.epochs[uid][epoch] = accuracy
        return trials


def _assign(batch: Batch, trials: _RecordedTrials) -> Iterator[_AssignedRecord | _RefusedRecord]:
    """Assign each record to a trial: the first one of its prm without this epoch.

    If the same prm was trained more than once, a trial that was fast in one epoch is assumed to be
    fast in the others.

    Args:
        batch: The records.
        trials: The recorded epochs of the pipeline; assigned records are added.
    """
    epochs = trials.epochs
    names = "_".join(batch.pipeline)
    # Cached, because a trial has many epochs.
    uid_of = lru_cache(None)(lambda prm, number: digest(f"{names}/{prm}/{number}"))
    new_records = [record for record in batch.records if record.identity not in trials.identities]
    trials.identities.update(record.identity for record in new_records)
    # Records that name their trial come first, because no other record may take their place.
    for record in new_records:
        if uid := _uid(record):
            recorded = epochs[uid].setdefault(record.epoch, record.accuracy)
            is_same = recorded == record.accuracy
            yield (
                _AssignedRecord(uid, batch, record)
                if is_same
                else _RefusedRecord(uid, record, recorded)
            )
    for record in sorted(
        (record for record in new_records if not _uid(record)), key=_assignment_order
    ):
        number = 1
        while record.epoch in epochs[trial := uid_of(record.prm, number)]:
            number += 1
        epochs[trial][record.epoch] = record.accuracy
        yield _AssignedRecord(trial, batch, record)


def _uid(record: PublishedEpoch) -> str:
    """Return the unique id of the record's trial; empty if unknown."""
    uid = (record.lemur_values or _NO_VALUES).get("trial")
    return uid if isinstance(uid, str) else ""


def _assignment_order(record: PublishedEpoch) -> tuple[int, int]:
    return record.epoch, record.duration or 0


def _pipeline_query() -> Select[Any]:
    """Return a query for the recorded epochs of a pipeline, as `_RecordedTrials.of` expects."""
    trial, stat = schema.trial.c, schema.stat.c
    names = (trial[name] == bindparam(name) for name in PipelineNames._fields)
    query = select(stat.record, trial.uid, stat.epoch, stat.accuracy)
    return query.join_from(schema.trial, schema.stat).where(*names)


def _lock_writers(connection: Connection) -> None:
    # The recorded epochs must not change between reading and writing.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    else:
        connection.execute(schema.source.delete().where(schema.source.c.id < 0))


def _ids(connection: Connection, uids: Sequence[str]) -> dict[str, int]:
    trial = schema.trial.c
    queries = where_in(select(trial.uid, trial.id), trial.uid, uids)
    return {uid: number for query in queries for uid, number in connection.execute(query)}


def _prm_rows(assigned: Iterable[_AssignedRecord]) -> Iterator[tuple[str, str, str]]:
    names = lru_cache(storable)
    for uid, prm in {record.prm: batch.prms[record.prm] for _, batch, record in assigned}.items():
        for name, value in prm.items():
            yield uid, names(name), schema.JsonText.text(value)


def _stat_row(trial: int, source: int, record: PublishedEpoch) -> Sequence[Any]:
    lemur_values = record.lemur_values
    values = (
        trial,
        record.epoch,
        record.accuracy,
        record.loss,
        record.duration,
        source,
        record.identity,
        # Characters that no database stores are escaped as in JSON, and read back unchanged.
        storable(record.extra) if record.extra else None,
        *(
            [lemur_values.get(name) for name in _LEMUR_STAT_COLUMNS]
            if lemur_values
            else _UNKNOWN_STAT_VALUES
        ),
    )
    return _stat_order(values)
