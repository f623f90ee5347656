"""Write what was taken in, so that taking it in again changes nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, select

from lemur_core.store import schema
from lemur_core.store.cycles import no_search_for_cycles
from lemur_core.store.identity import digest
from lemur_core.store.patience import patiently
from lemur_core.store.reading.filters import where_in
from lemur_core.store.tables import ADVISORY_LOCK
from lemur_core.store.taking.records import Fault, Pipeline, Record
from lemur_core.store.writing.begin import code_id
from lemur_core.store.writing.ledger import Compiled, insert_once, now, storable
from lemur_core.trial import State

# In one transaction, so that others wait for no more than a fraction of a second.
_AT_ONCE = 5_000
Batch = tuple[Pipeline, list[Record]]
_OF_TRIAL = [
    "uid", "task", "dataset", "metric", "nn", "metric_id", "nn_id", "transform_id", "prm", "seed",
    "epochs", "state", "reason", "traceback", "device", "parameters", "in_shape", "out_shape",
    "versions", "started", "ended",
]  # fmt: skip


@dataclass
class Report:
    """What was taken in.

    Attributes:
        read: How many records there are.
        added: How many of them were not there before.
        faults: What could not be taken in, and where it is.
    """

    read: int = 0
    added: int = 0
    faults: list[Fault] = field(default_factory=list)


def take(
    engine: Engine,
    found: Iterable[Batch | Fault],
    place: str,
    form: str,
    codes: Mapping[str, Mapping[str, str]] | None = None,
    taken: str | None = None,
) -> Report:
    """Write records; those that are there already are left alone.

    Args:
        engine: The database.
        found: The records of pipelines, and what could not be read.
        place: Where they are from, as it was named.
        form: What that is.
        codes: The sources that came with them, by table and name.
        taken: When they were first taken in, ISO 8601; None is at this moment.

    Returns:
        What was done.
    """
    source = {"place": storable(place), "form": form, "taken": taken or now()}
    writer, report = _Writer(engine, source, codes or {}), Report()
    waiting: list[Batch] = []
    with no_search_for_cycles():
        for each in found:
            if isinstance(each, Fault):
                report.faults.append(each)
                continue
            waiting.append(each)
            report.read += len(each[1])
            if sum(len(records) for _, records in waiting) >= _AT_ONCE:
                report.added += writer.write(waiting)
                waiting = []
        if waiting:
            report.added += writer.write(waiting)
    return report


class _Writer:
    def __init__(
        self,
        engine: Engine,
        source: Mapping[str, str],
        codes: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._engine = engine
        self._source = source
        self._codes = codes
        dialect = engine.dialect
        self._insert_trial = Compiled(insert_once(dialect, schema.trial), dialect, _OF_TRIAL)
        self._insert_stat = Compiled(insert_once(dialect, schema.stat), dialect)
        self._insert_prm = Compiled(insert_once(dialect, schema.prm), dialect)

    def write(self, batches: Sequence[Batch]) -> int:
        """Write the records of pipelines in one transaction; return how many were new."""
        return patiently(self._engine, lambda connection: self._write(connection, batches))

    def _write(self, connection: Connection, batches: Sequence[Batch]) -> int:
        _keep_others_out(connection)
        placed = [
            each for pipeline, records in batches for each in _placed(connection, pipeline, records)
        ]
        if not placed:
            return 0
        self._insert_prm.execute_many(connection, list(_prm_rows(placed)))
        first = {each.trial: each for each in reversed(placed)}
        rows = {uid: self._trial_row(connection, each) for uid, each in first.items()}
        self._insert_trial.execute_many(connection, list(rows.values()))
        ids, source = _ids(connection, list(rows)), self._source_id(connection)
        stats = [_stat_row(ids[each.trial], source, each.record) for each in placed]
        return self._insert_stat.execute_many(connection, stats)

    def _source_id(self, connection: Connection) -> int:
        source = schema.source.c
        same = [source[name] == value for name, value in self._source.items()]
        found: int | None = connection.scalar(select(source.id).where(*same))
        if found is not None:
            return found
        added = schema.source.insert().values(self._source).returning(source.id)
        return int(connection.execute(added).scalar_one())

    def _trial_row(self, connection: Connection, placed: _Placed) -> dict[str, Any]:
        pipeline, own = placed.pipeline, placed.record.own or {}
        names = {
            "nn": pipeline.nn,
            "metric": pipeline.metric,
            "transform": placed.record.prm.get("transform"),
        }
        return {
            "uid": placed.trial,
            **{name: storable(value) for name, value in pipeline._asdict().items()},
            **{f"{table}_id": self._code_id(connection, table, names[table]) for table in names},
            "prm": placed.prm,
            "seed": own.get("seed"),
            "epochs": own.get("epochs"),
            "state": own.get("state", State.IMPORTED),
            "reason": own.get("reason", ""),
            "traceback": "",
            "device": own.get("device"),
            "parameters": own.get("parameters"),
            "in_shape": own.get("in_shape"),
            "out_shape": own.get("out_shape"),
            "versions": json.dumps(own["versions"]) if own else "{}",
            "started": own.get("started"),
            "ended": own.get("ended"),
        }

    def _code_id(self, connection: Connection, table: str, name: Any) -> int | None:
        code = self._codes.get(table, {}).get(name) if isinstance(name, str) else None
        return (
            None if code is None else code_id(connection, schema.metadata.tables[table], name, code)
        )


class _Placed(NamedTuple):
    """A record that is not there yet, and the trial that it belongs to."""

    pipeline: Pipeline
    trial: str
    prm: str
    record: Record


def _placed(
    connection: Connection, pipeline: Pipeline, records: Sequence[Record]
) -> Iterator[_Placed]:
    """Find the trial of each record: the first of its prm that has no such epoch.

    Where the same prm was trained more than once, who was quick at one epoch was so at the others.
    """
    known, epochs = _there(connection, pipeline)
    names = "_".join(pipeline)
    # A trial has many epochs.
    prm_of = lru_cache(None)(digest)
    uid_of = lru_cache(None)(lambda prm, number: digest(f"{names}/{prm}/{number}"))
    fresh = [record for record in records if record.identity not in known]
    for record in sorted(fresh, key=lambda record: (record.epoch, record.duration or 0)):
        prm = prm_of(record.prm_json)
        if record.own and isinstance(record.own.get("trial"), str):
            yield _Placed(pipeline, record.own["trial"], prm, record)
            continue
        uids = (uid_of(prm, number) for number in count(1))
        trial = next(uid for uid in uids if record.epoch not in epochs[uid])
        epochs[trial].add(record.epoch)
        yield _Placed(pipeline, trial, prm, record)


def _there(
    connection: Connection, pipeline: Pipeline
) -> tuple[set[str], defaultdict[str, set[int]]]:
    """Return the records of a pipeline that are there, and the epochs of each of its trials."""
    trial, stat = schema.trial.c, schema.stat.c
    query = (
        select(stat.record, trial.uid, stat.epoch)
        .join_from(schema.trial, schema.stat)
        .where(*(trial[name] == storable(value) for name, value in pipeline._asdict().items()))
    )
    known: set[str] = set()
    epochs: defaultdict[str, set[int]] = defaultdict(set)
    for record, uid, epoch in connection.execute(query):
        known.add(record)
        epochs[uid].add(epoch)
    return known, epochs


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


def _prm_rows(placed: Iterable[_Placed]) -> Iterator[dict[str, str]]:
    names = lru_cache(storable)
    for uid, record in {each.prm: each.record for each in placed}.items():
        for name, value in record.prm.items():
            yield {"uid": uid, "name": names(name), "value": schema.Exact.text(value)}


def _stat_row(trial: int, source: int, record: Record) -> dict[str, Any]:
    own = record.own or {}
    return {
        "trial_id": trial,
        "epoch": record.epoch,
        "accuracy": record.accuracy,
        "validation": own.get("validation"),
        "loss": record.loss,
        "duration": record.duration,
        "scores": own.get("scores"),
        "source_id": source,
        "record": record.identity,
        # What no database takes is spelt as JSON spells it, and is read back as it was.
        "extra": storable(record.extra) or None,
    }
