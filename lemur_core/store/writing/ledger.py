"""Enter what happened to a trial so that entering it again changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, Engine, Table, bindparam, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.expression import ClauseElement

from lemur_core.store import schema
from lemur_core.store.identity import exact
from lemur_core.trial import SPLITS, Epoch, Outcome, Prediction, Size, State
from lemur_core.trial import within_of as read_within

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_EPOCH = ("epoch", "accuracy", "validation", "loss", "duration", "scores", "within")


def insert_once(dialect: Dialect, table: Table) -> Any:
    """Return an insertion that leaves a row alone which is there already."""
    insert: Any = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement: Insert = insert(table).on_conflict_do_nothing()
    return statement


def storable(text: str) -> str:
    r"""Return a text as every database takes it: NUL and lone surrogates are spelt out.

    >>> storable("nul \0, half an emoji \ud83d, ä")
    'nul \\x00, half an emoji \\ud83d, ä'
    """
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub(_spelt_out, text)


def _spelt_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code else "\\x00"


def now() -> str:
    """Return the time as the database has it, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def epoch_row(epoch: Epoch) -> dict[str, Any]:
    """Return an epoch's columns of `schema.stat`, all but its trial, and the size of its net."""
    # SQLite keeps no NaN, and a loss that is none is not known.
    loss = None if epoch.loss is None or epoch.loss != epoch.loss else float(epoch.loss)
    return {
        "epoch": int(epoch.number),
        "accuracy": float(epoch.accuracy),
        "validation": float(epoch.validation),
        "loss": loss,
        "duration": int(epoch.duration_ns),
        "scores": json.dumps(dict(epoch.scores), sort_keys=True) if epoch.scores else None,
        "within": json.dumps(epoch.within) if epoch.within else None,
        "size": epoch.size,
    }


def _size_row(size: Size | None) -> dict[str, Any]:
    if size is None:
        return dict.fromkeys(Size._fields)
    parameters, in_shape, out_shape = size
    return {
        "parameters": parameters,
        "in_shape": json.dumps(in_shape),
        "out_shape": json.dumps(out_shape),
    }


def scores_of(text: str | None) -> dict[str, tuple[float, float]]:
    """Return an epoch's scores by other metrics, from their column."""
    scores = {} if text is None else json.loads(text)
    return {
        name: (float(validation), float(accuracy))
        for name, (validation, accuracy) in scores.items()
    }


def within_of(text: str | None) -> tuple[tuple[float, float], ...]:
    """Return an epoch's scores before it was done, from their column."""
    return () if text is None else read_within(json.loads(text))


def left_out_of(text: str | None) -> dict[str, int]:
    """Return how many samples of each split a trial was trained and scored without.

    Raises:
        ValueError: The column's text is not what is written there.
    """
    told: dict[str, int] = {} if text is None else json.loads(text)
    for split, count in told.items():
        if split not in SPLITS or type(count) is not int or count < 1:
            raise ValueError(text)
    return told


def left_out_text(counts: Mapping[str, int]) -> str | None:
    """Return their column."""
    return exact(dict(counts)) if counts else None


def end_row(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of `schema.trial` that say how a trial ended."""
    return {
        "state": str(outcome.state),
        "reason": storable(outcome.reason),
        "traceback": storable(outcome.traceback),
        **_prediction_row(outcome.prediction),
        "ended": now(),
    }


def _prediction_row(prediction: Prediction | None) -> dict[str, Any]:
    if prediction is None:
        return {"predicted": None, "estimate": None}
    rest = {name: value for name, value in vars(prediction).items() if name != "score"}
    return {"predicted": float(prediction.score), "estimate": storable(exact(rest))}


def prediction_of(predicted: float | None, estimate: str | None) -> Prediction | None:
    """Return what an estimator settled on, from its columns."""
    if predicted is None or estimate is None:
        return None
    rest = json.loads(estimate)
    return Prediction(
        predicted,
        float(rest["epoch"]),
        str(rest["estimator"]),
        dict(rest["facts"]),
        bool(rest["audited"]),
    )


class Ledger:
    """Enters epochs and ends; its statements are compiled once."""

    def __init__(self, engine: Engine) -> None:
        stat, trial = schema.stat, schema.trial
        this = trial.c.id == bindparam("this")
        insert = insert_once(engine.dialect, stat)
        self._insert = Compiled(insert, engine.dialect, ["trial_id", *_EPOCH])
        # What is known is not forgotten where an epoch does not tell it.
        size: dict[str, Any] = {
            name: func.coalesce(bindparam(f"new_{name}"), trial.c[name]) for name in Size._fields
        }
        self._touch = Compiled(
            trial.update().where(this).values(seen=bindparam("moment"), **size), engine.dialect
        )

    def enter(self, connection: Connection, trial_id: int, epoch: Mapping[str, Any]) -> bool:
        """Enter an epoch's row; return False where the trial has one of this number."""
        if not self._insert.execute(connection, {"trial_id": trial_id, **epoch}).rowcount:
            return False
        size = {f"new_{name}": value for name, value in _size_row(epoch.get("size")).items()}
        self._touch.execute(connection, {"this": trial_id, "moment": now(), **size})
        return True

    def holds(self, connection: Connection, trial_id: int, epoch: Mapping[str, Any]) -> bool:
        """Return whether a trial has this very epoch."""
        stat = schema.stat.c
        same = [stat[name].is_not_distinct_from(epoch[name]) for name in _EPOCH]
        query = schema.stat.select().where(stat.trial_id == trial_id, *same)
        return connection.execute(query).first() is not None

    def end(
        self,
        connection: Connection,
        trial_id: int,
        owner: str,
        end: Mapping[str, Any],
        states: Iterable[State] = State,
    ) -> bool:
        """End a trial that still is its owner's and in one of these states; return whether."""
        trial = schema.trial.c
        mine = (trial.id == trial_id, trial.owner == owner, trial.state.in_(list(states)))
        return connection.execute(schema.trial.update().where(*mine).values(**end)).rowcount == 1


class Compiled:
    """A statement that is spared SQLAlchemy's compilation, cache and all, at each execution.

    Its values are handed to the driver as they are. An insertion has a value for each of the
    columns that are named, in the order of the table's.
    """

    def __init__(
        self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None = None
    ) -> None:
        # By position with every driver: rows are tuples sooner than dictionaries.
        style = dialect.paramstyle if dialect.positional else "format"
        made: Any = type(dialect)
        compiled: Any = statement.compile(dialect=made(paramstyle=style), column_keys=columns)
        self._text = str(compiled)
        self._order: list[str] = compiled.positiontup
        assert columns is None or self._order == list(columns)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it with these values, by name."""
        return connection.exec_driver_sql(self._text, tuple(map(values.get, self._order)))

    def execute_many(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Execute it for each row; return how many rows of the database that changed."""
        parameters: Any = rows
        return connection.exec_driver_sql(self._text, parameters).rowcount
