"""Write what was taken in, so that taking it in again changes nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sqlalchemy import Connection, Engine, Select, Table, bindparam, func, select

from lemur_core.kinds.importer import Fault
from lemur_core.store import fields, schema
from lemur_core.store.code import StoredCode, code_id
from lemur_core.store.cycles import no_search_for_cycles
from lemur_core.store.datasets import data_of, dataset_id
from lemur_core.store.identity import digest
from lemur_core.store.patience import patiently
from lemur_core.store.statements import Compiled, insert_once, where_in
from lemur_core.store.tables import ADVISORY_LOCK
from lemur_core.store.taking.attached import AttachedImport
from lemur_core.store.taking.origin import Origin, source_id
from lemur_core.store.taking.records import Batch, PipelineNames, PublishedEpoch
from lemur_core.store.text import storable
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# In one transaction, so that others wait for no more than a fraction of a second.
_AT_ONCE = 2_500
# Columns of a trial, and of an epoch, that `_Writer` has a value of itself.
_GIVEN_OF_TRIAL = (
    "uid", "task", "dataset", "metric", "nn", "dataset_id", "metric_id", "nn_id", "transform_id",
    "prm", "state",
)  # fmt: skip
_GIVEN_OF_STAT = (
    "trial_id", "epoch", "accuracy", "loss", "duration", "source_id", "record", "extra",
)  # fmt: skip
# Those that a record of lemur's own has, and what stands there in another's.
_OWN_OF_TRIAL = [one for one in fields.TRIAL if one.published and one.name not in _GIVEN_OF_TRIAL]
_UNKNOWN_OF_TRIAL = [one.for_driver(one.default) for one in _OWN_OF_TRIAL]
_OWN_OF_STAT = [one.name for one in fields.EPOCH if one.published]
_UNKNOWN_OF_STAT = [None] * len(_OWN_OF_STAT)
# What no record has, and no column may lack.
_UNSAID = [one for one in fields.TRIAL if not one.published and one.default is not None]
_UNSAID_VALUES = [one.for_driver(one.default) for one in _UNSAID]
_NOTHING: dict[str, Any] = {}
_OF_PRM = ["uid", "name", "value"]


def _table_order(
    table: Table, names: Sequence[str]
) -> tuple[list[str], Callable[[Sequence[Any]], Sequence[Any]]]:
    """Return columns in the table's order, and what brings values in these columns' order to it."""
    ordered = [column.name for column in table.columns if column.name in names]
    return ordered, itemgetter(*map(names.index, ordered))


_OF_TRIAL, _trial_order = _table_order(
    schema.trial, [*_GIVEN_OF_TRIAL, *(one.name for one in (*_OWN_OF_TRIAL, *_UNSAID))]
)
_OF_STAT, _stat_order = _table_order(schema.stat, [*_GIVEN_OF_STAT, *_OWN_OF_STAT])


MOST_FAULTS = 1_000
"""Faults of a report that are kept; others are counted."""


class Faults(list[Fault]):
    """The first faults of many.

    Attributes:
        total: How many there were.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        super().__init__()
        self.total = 0
        self.extend(faults)

    def append(self, fault: Fault) -> None:
        """Count a fault, and keep it if it is one of the first."""
        self.total += 1
        if len(self) < MOST_FAULTS:
            super().append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Count faults, and keep the first."""
        for fault in faults:
            self.append(fault)

    def __iadd__(self, faults: Iterable[Fault]) -> Self:  # type: ignore[override,misc]
        self.extend(faults)
        return self


@dataclass
class ImportReport:
    """What was taken in.

    Attributes:
        read: How many records there are.
        added: How many of them were not there before.
        faults: What could not be taken in, and where it is; of very many, the first.
        refused: Unique ids of trials of which an epoch is recorded already with another score.
        attached: What was taken in of facts, artefacts and collections.
        code_facts: How many facts about code were not there before.
    """

    read: int = 0
    added: int = 0
    faults: Faults = field(default_factory=Faults)
    refused: set[str] = field(default_factory=set)
    attached: AttachedImport = field(default_factory=AttachedImport)
    code_facts: int = 0


def take(
    engine: Engine,
    found: Iterable[Batch | Fault],
    place: str,
    form: str,
    taken: str | None = None,
) -> ImportReport:
    """Write records; those that are there already are left alone.

    Args:
        engine: The database.
        found: The records of pipelines, and what could not be read.
        place: Where they are from, as it was named.
        form: What that is.
        taken: When they were first taken in, ISO 8601; None is at this moment.

    Returns:
        What was done.
    """
    writer, report = _Writer(engine, Origin.at(place, form, taken)), ImportReport()
    waiting: list[Batch] = []
    with no_search_for_cycles():
        for each in found:
            if isinstance(each, Fault):
                report.faults.append(each)
                continue
            waiting.append(each)
            report.read += len(each.records)
            if sum(len(batch.records) for batch in waiting) >= _AT_ONCE:
                _add_up(report, *writer.write(waiting))
                waiting = []
        if waiting:
            _add_up(report, *writer.write(waiting))
    return report


def _add_up(report: ImportReport, added: int, refused: Sequence[_Refused]) -> None:
    report.added += added
    for one in refused:
        report.refused.add(one.trial)
        report.faults.append(
            Fault(
                f"trial {one.trial}",
                f"epoch {one.record.epoch} is recorded already with the accuracy {one.recorded}, "
                f"and cannot be {one.record.accuracy}",
            )
        )


class _Writer:
    def __init__(self, engine: Engine, origin: Origin) -> None:
        self._engine = engine
        self._origin = origin
        dialect = engine.dialect
        self._insert_trial = Compiled(insert_once(dialect, schema.trial), dialect, _OF_TRIAL)
        self._insert_stat = Compiled(insert_once(dialect, schema.stat), dialect, _OF_STAT)
        self._of_pipeline = Compiled(_of_pipeline(), dialect)
        self._insert_prm = Compiled(insert_once(dialect, schema.prm), dialect, _OF_PRM)

    def write(self, batches: Sequence[Batch]) -> tuple[int, list[_Refused]]:
        """Write the records of pipelines in one transaction.

        Returns:
            How many were new, and those that were refused.
        """
        return patiently(self._engine, lambda connection: self._write(connection, batches))

    def _write(
        self, connection: Connection, batches: Sequence[Batch]
    ) -> tuple[int, list[_Refused]]:
        _keep_others_out(connection)
        there: dict[PipelineNames, _Trials] = {}
        placed: list[_Placed] = []
        refused: list[_Refused] = []
        for batch in batches:
            if batch.pipeline not in there:
                there[batch.pipeline] = _Trials.of(self._there(connection, batch))
            for one in _placed(batch, there[batch.pipeline]):
                if isinstance(one, _Placed):
                    placed.append(one)
                else:
                    refused.append(one)
        if not placed:
            return 0, refused
        self._insert_prm.execute_many(connection, sorted(_prm_rows(placed)))
        first = {trial: (batch, record) for trial, batch, record in reversed(placed)}
        trials = [self._trial_row(connection, uid, *each) for uid, each in first.items()]
        self._insert_trial.execute_many(connection, trials)
        ids, source = _ids(connection, list(first)), source_id(connection, self._origin)
        stats = [_stat_row(ids[trial], source, record) for trial, _, record in placed]
        return self._insert_stat.execute_many(connection, stats), refused

    def _there(self, connection: Connection, batch: Batch) -> Iterable[Any]:
        names = {name: storable(value) for name, value in batch.pipeline._asdict().items()}
        return self._of_pipeline.execute(connection, names)

    def _trial_row(
        self, connection: Connection, uid: str, batch: Batch, record: PublishedEpoch
    ) -> Sequence[Any]:
        pipeline, own = batch.pipeline, record.own or _NOTHING
        names = (
            ("metric", pipeline.metric),
            ("nn", pipeline.nn),
            ("transform", batch.prms[record.prm].get("transform")),
        )
        values = (
            uid,
            *map(storable, pipeline),
            dataset_id(connection, data_of(own.get("data"))),
            *(self._code_id(connection, batch, table, name) for table, name in names),
            record.prm,
            own.get("state", State.IMPORTED),
            *(
                [one.for_driver(own.get(one.name)) for one in _OWN_OF_TRIAL]
                if own
                else _UNKNOWN_OF_TRIAL
            ),
            *_UNSAID_VALUES,
        )
        return _trial_order(values)

    def _code_id(self, connection: Connection, batch: Batch, table: str, name: Any) -> int | None:
        code = batch.codes.get(table, {}).get(name) if isinstance(name, str) else None
        if code is None:
            return None
        stored = StoredCode.of(code) if isinstance(code, str) else code
        return code_id(connection, schema.metadata.tables[table], name, stored)


class _Placed(NamedTuple):
    """A record that is not there yet, and the uid of the trial that it belongs to."""

    trial: str
    batch: Batch
    record: PublishedEpoch


class _Refused(NamedTuple):
    """A record of a trial's epoch that is recorded already with another accuracy."""

    trial: str
    record: PublishedEpoch
    recorded: float


class _Trials(NamedTuple):
    """What there is of a pipeline.

    Attributes:
        known: The identities of records.
        epochs: The accuracy at each epoch of each trial.
    """

    known: set[str]
    epochs: defaultdict[str, dict[int, float]]

    @classmethod
    def of(cls, there: Iterable[tuple[str, str, int, float]]) -> _Trials:
        """Return what there is, from rows of a record, its trial, epoch and accuracy."""
        trials = cls(set(), defaultdict(dict))
        for record, uid, epoch, accuracy in there:
            trials.known.add(record)
            trials.epochs[uid][epoch] = accuracy
        return trials


def _placed(batch: Batch, trials: _Trials) -> Iterator[_Placed | _Refused]:
    """Find the trial of each record: the first of its prm that has no such epoch.

    Where the same prm was trained more than once, who was quick at one epoch was so at the others.

    Args:
        batch: The records.
        trials: What there is of the pipeline; what is placed is added.
    """
    epochs = trials.epochs
    names = "_".join(batch.pipeline)
    # A trial has many epochs.
    uid_of = lru_cache(None)(lambda prm, number: digest(f"{names}/{prm}/{number}"))
    fresh = [record for record in batch.records if record.identity not in trials.known]
    trials.known.update(record.identity for record in fresh)
    # Those whose trial is known come first, as no other record may take their place.
    for one in fresh:
        if uid := _uid(one):
            recorded = epochs[uid].setdefault(one.epoch, one.accuracy)
            same = recorded == one.accuracy
            yield _Placed(uid, batch, one) if same else _Refused(uid, one, recorded)
    for one in sorted((one for one in fresh if not _uid(one)), key=_turn):
        number = 1
        while one.epoch in epochs[trial := uid_of(one.prm, number)]:
            number += 1
        epochs[trial][one.epoch] = one.accuracy
        yield _Placed(trial, batch, one)


def _uid(record: PublishedEpoch) -> str:
    """Return the id of the record's trial; empty if it is unknown."""
    uid = (record.own or _NOTHING).get("trial")
    return uid if isinstance(uid, str) else ""


def _turn(record: PublishedEpoch) -> tuple[int, int]:
    return record.epoch, record.duration or 0


def _of_pipeline() -> Select[Any]:
    """Return a query for the recorded epochs of a pipeline, as `_Trials.of` takes them."""
    trial, stat = schema.trial.c, schema.stat.c
    names = (trial[name] == bindparam(name) for name in PipelineNames._fields)
    query = select(stat.record, trial.uid, stat.epoch, stat.accuracy)
    return query.join_from(schema.trial, schema.stat).where(*names)


def _keep_others_out(connection: Connection) -> None:
    # What is there must not change between looking and writing.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    else:
        connection.execute(schema.source.delete().where(schema.source.c.id < 0))


def _ids(connection: Connection, uids: Sequence[str]) -> dict[str, int]:
    trial = schema.trial.c
    queries = where_in(select(trial.uid, trial.id), trial.uid, uids)
    return {uid: number for query in queries for uid, number in connection.execute(query)}


def _prm_rows(placed: Iterable[_Placed]) -> Iterator[tuple[str, str, str]]:
    names = lru_cache(storable)
    for uid, prm in {record.prm: batch.prms[record.prm] for _, batch, record in placed}.items():
        for name, value in prm.items():
            yield uid, names(name), schema.JsonText.text(value)


def _stat_row(trial: int, source: int, record: PublishedEpoch) -> Sequence[Any]:
    own = record.own
    values = (
        trial,
        record.epoch,
        record.accuracy,
        record.loss,
        record.duration,
        source,
        record.identity,
        # What no database takes is spelt as JSON spells it, and is read back as it was.
        storable(record.extra) if record.extra else None,
        *([own.get(name) for name in _OWN_OF_STAT] if own else _UNKNOWN_OF_STAT),
    )
    return _stat_order(values)
