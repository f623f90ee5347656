"""Write trials and epochs, one transaction for each thing that happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Table, func, select
from sqlalchemy.exc import IntegrityError

from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline
from lemur_core.store import schema
from lemur_core.store.database import store_errors
from lemur_core.store.owner import this_process
from lemur_core.trial import Epoch, Outcome, State, Trial


@dataclass(frozen=True)
class Past:
    """A trial as the search remembers it."""

    id: int
    uid: str
    number: int
    prm: Mapping[str, Any]
    seed: int
    state: State
    owner: str
    seen: str
    epochs: tuple[Epoch, ...]


class NumberTakenError(Exception):
    """Another campaign began a trial of this number a moment ago."""


def prm_uid(prm: Mapping[str, Any]) -> str:
    """Return the identity of hyperparameters: the hash of their canonical JSON, in any order.

    >>> prm_uid({"lr": 0.1, "batch": 32}) == prm_uid({"batch": 32, "lr": 0.1})
    True
    """
    canonical = json.dumps(
        dict(prm), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


class Writer:
    """Writes what a campaign does. Each method is one transaction, done when it returns."""

    def __init__(self, engine: Engine, versions: Mapping[str, str]) -> None:
        self.engine = engine
        self.versions = dict(versions)
        self.owner = this_process()
        self._codes: dict[tuple[str, str, str], int] = {}

    def past(
        self, pipeline: Pipeline, epochs: int, known: Mapping[int, Past] | None = None
    ) -> list[Past]:
        """Return the pipeline's trials of so many epochs, by this very code, by their numbers.

        Args:
            pipeline: What was trained.
            epochs: How many were asked for.
            known: Trials by id as they were before; only what changed since is read.
        """
        trial, nn, known = schema.trial.c, schema.nn.c, known or {}
        with store_errors(self.engine), self.engine.connect() as connection:
            rows = connection.execute(
                select(
                    trial.id, trial.uid, trial.number, trial.prm, trial.seed, trial.state,
                    trial.owner, trial.seen,
                )
                .join_from(schema.trial, schema.nn, trial.nn_id == nn.id)
                .where(*_of_pipeline(pipeline), trial.epochs == epochs)
                .where(nn.hash == _hash(pipeline.net_entry.source()))
                .order_by(trial.number)
            ).all()  # fmt: skip
            changed = [row for row in rows if not _same(known.get(row.id), row)]
            since = min((row.id for row in changed), default=None)
            recorded = {} if since is None else _epochs(connection, pipeline, since)
            prms = {} if since is None else _prms(connection, pipeline, since)
        found = {
            row.id: Past(
                row.id, row.uid, row.number, prms[row.prm], row.seed, State(row.state),
                row.owner, row.seen, tuple(recorded.get(row.id, ())),
            )
            for row in changed
        }  # fmt: skip
        return [found.get(row.id) or known[row.id] for row in rows]

    def next_number(self, pipeline: Pipeline) -> int:
        """Return the number that the pipeline's next trial gets."""
        with store_errors(self.engine), self.engine.connect() as connection:
            last = connection.scalar(
                select(func.max(schema.trial.c.number)).where(*_of_pipeline(pipeline))
            )
        return 1 if last is None else last + 1

    def begin(self, trial: Trial) -> int:
        """Record that a trial starts, with its code and prm; return its id.

        Raises:
            NumberTakenError: Its number is another trial's.
        """
        try:
            return self._begin(trial)
        except IntegrityError as error:
            raise NumberTakenError from error

    def claim(self, past: Past) -> bool:
        """Take over a trial that its owner left; return False where another campaign was first."""
        trial = schema.trial.c
        with store_errors(self.engine), self.engine.begin() as connection:
            taken = connection.execute(
                schema.trial.update()
                .where(trial.id == past.id, trial.owner == past.owner, trial.state == past.state)
                .values(owner=self.owner, seen=_now(), state=State.RUNNING, reason="", ended=None)
            )
            return taken.rowcount == 1

    def _begin(self, trial: Trial) -> int:
        pipeline = trial.pipeline
        with store_errors(self.engine, IntegrityError), self.engine.begin() as connection:
            uid = prm_uid(trial.prm)
            _write_prm(connection, uid, trial.prm)
            result = connection.execute(
                schema.trial.insert().values(
                    uid=trial.uid,
                    task=pipeline.task,
                    dataset=pipeline.dataset,
                    metric=pipeline.metric,
                    nn=pipeline.net,
                    number=trial.number,
                    loader_id=self._code(connection, schema.loader, pipeline.loader_entry),
                    metric_id=self._code(connection, schema.metric, pipeline.metric_entry),
                    nn_id=self._code(connection, schema.nn, pipeline.net_entry),
                    transform_id=self._code(connection, schema.transform, trial.transform_entry),
                    prm=uid,
                    seed=trial.seed,
                    epochs=trial.epochs,
                    state=State.RUNNING,
                    device=trial.device,
                    versions=self.versions,
                    owner=self.owner,
                    started=_now(),
                    seen=_now(),
                )
            )
            return _new_id(result)

    def record(self, trial_id: int, epoch: Epoch) -> None:
        """Record an epoch."""
        with store_errors(self.engine), self.engine.begin() as connection:
            connection.execute(
                schema.stat.insert().values(
                    trial_id=trial_id,
                    epoch=epoch.number,
                    accuracy=epoch.accuracy,
                    validation=epoch.validation,
                    loss=epoch.loss,
                    duration=epoch.duration_ns,
                )
            )
            connection.execute(
                schema.trial.update().where(schema.trial.c.id == trial_id).values(seen=_now())
            )

    def finish(self, trial_id: int, outcome: Outcome) -> None:
        """Record how a trial ended."""
        with store_errors(self.engine), self.engine.begin() as connection:
            connection.execute(
                schema.trial.update()
                .where(schema.trial.c.id == trial_id)
                .values(
                    state=outcome.state,
                    reason=outcome.reason,
                    traceback=outcome.traceback,
                    ended=_now(),
                )
            )

    def _code(self, connection: Connection, table: Table, entry: Entry) -> int:
        code = entry.source()
        digest = _hash(code)
        key = (table.name, entry.name, digest)
        if key not in self._codes:
            columns = table.c
            same = select(columns.id).where(columns.name == entry.name, columns.hash == digest)
            found = connection.scalar(same)
            if found is None:
                result = connection.execute(
                    table.insert().values(name=entry.name, code=code, hash=digest)
                )
                found = _new_id(result)
            self._codes[key] = found
        return self._codes[key]


def _same(known: Past | None, row: Any) -> bool:
    return known is not None and (known.state, known.owner, known.seen) == (
        row.state, row.owner, row.seen,
    )  # fmt: skip


def _epochs(connection: Connection, pipeline: Pipeline, since: int) -> dict[int, list[Epoch]]:
    found: dict[int, list[Epoch]] = {}
    query = (
        select(schema.stat)
        .join_from(schema.stat, schema.trial)
        .where(*_of_pipeline(pipeline), schema.stat.c.trial_id >= since)
        .order_by(schema.stat.c.epoch)
    )
    for row in connection.execute(query):
        epoch = Epoch(row.epoch, row.loss, row.validation, row.accuracy, row.duration)
        found.setdefault(row.trial_id, []).append(epoch)
    return found


def _prms(connection: Connection, pipeline: Pipeline, since: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    trial, prm = schema.trial.c, schema.prm.c
    query = (
        select(prm.uid, prm.name, prm.value)
        .join_from(schema.trial, schema.prm, trial.prm == prm.uid)
        .where(*_of_pipeline(pipeline), trial.id >= since)
    )
    for row in connection.execute(query):
        found.setdefault(row.uid, {})[row.name] = row.value
    return found


def _new_id(result: CursorResult[Any]) -> int:
    key: Sequence[int] = result.inserted_primary_key or ()
    return key[0]


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _of_pipeline(pipeline: Pipeline) -> list[Any]:
    trial = schema.trial.c
    return [
        trial.task == pipeline.task,
        trial.dataset == pipeline.dataset,
        trial.metric == pipeline.metric,
        trial.nn == pipeline.net,
    ]


def _write_prm(connection: Connection, uid: str, prm: Mapping[str, Any]) -> None:
    known = connection.scalar(select(func.count()).where(schema.prm.c.uid == uid))
    if not known:
        rows = [{"uid": uid, "name": name, "value": value} for name, value in prm.items()]
        connection.execute(schema.prm.insert(), rows)


def read_prm(connection: Connection, uid: str) -> dict[str, Any]:
    """Return the hyperparameters that have a uid."""
    columns = schema.prm.c
    rows = connection.execute(select(columns.name, columns.value).where(columns.uid == uid))
    return {row.name: row.value for row in rows}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
