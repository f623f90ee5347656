"""Read the trials that a search goes on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from lemur_core.store import fields, schema
from lemur_core.store.datasets import on_data
from lemur_core.store.identity import code_hash
from lemur_core.trial import Epoch, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline

_EPOCH = [(field.attribute, field) for field in fields.EPOCH if field.attribute is not None]
_PLAIN = [(attribute, field.name) for attribute, field in _EPOCH if field.read is None]
_TEXTS = [(attribute, field.name, field.read) for attribute, field in _EPOCH if field.read]
_COLUMNS = [schema.stat.c.trial_id, *(schema.stat.c[field.name] for _, field in _EPOCH)]


@dataclass(frozen=True)
class PastTrial:
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
    predicted: float | None = None


def read_past(
    connection: Connection,
    pipeline: Pipeline,
    epochs: int,
    known: Mapping[int, PastTrial],
    data: DatasetRecord | None = None,
    recipe: str | None = None,
) -> list[PastTrial]:
    """Return the pipeline's trials of so many epochs, by this very code, by their numbers.

    Args:
        connection: To the database.
        pipeline: What was trained.
        epochs: How many were asked for.
        known: Trials by id as they were before; only what changed since is read.
        data: The data that they were trained on; None takes any.
        recipe: The code that trained them; those of unknown code count too, and None takes any.
    """
    trial, nn = schema.trial.c, schema.nn.c
    rows = connection.execute(
        select(
            trial.id, trial.uid, trial.number, trial.prm, trial.seed, trial.state,
            trial.owner, trial.seen, trial.predicted,
        )
        .join_from(schema.trial, schema.nn, trial.nn_id == nn.id)
        .where(*_of_pipeline(pipeline), trial.epochs == epochs)
        # One that was recorded from elsewhere has no number.
        .where(trial.number.is_not(None))
        .where(nn.hash == code_hash(pipeline.net_entry.code()), *on_data(pipeline, data))
        .where(*_by_recipe(recipe))
        .order_by(trial.number)
    ).all()  # fmt: skip
    changed = [row for row in rows if not _same(known.get(row.id), row)]
    since = min((row.id for row in changed), default=None)
    recorded = {} if since is None else _epochs(connection, pipeline, since)
    prms = {} if since is None else _prms(connection, pipeline, since)
    found = {
        row.id: PastTrial(
            row.id, row.uid, row.number, prms[row.prm], row.seed, State(row.state),
            row.owner, row.seen, tuple(recorded.get(row.id, ())), row.predicted,
        )
        for row in changed
    }  # fmt: skip
    return [found.get(row.id) or known[row.id] for row in rows]


def last_number(connection: Connection, pipeline: Pipeline) -> int:
    """Return the highest number of the pipeline's trials; 0 where it has none."""
    number = func.max(schema.trial.c.number)
    return connection.scalar(select(number).where(*_of_pipeline(pipeline))) or 0


def read_prm(connection: Connection, uid: str) -> dict[str, Any]:
    """Return the hyperparameters that have a uid."""
    columns = schema.prm.c
    rows = connection.execute(select(columns.name, columns.value).where(columns.uid == uid))
    return {row.name: row.value for row in rows}


def _same(known: PastTrial | None, row: Any) -> bool:
    return known is not None and (known.state, known.owner, known.seen) == (
        row.state, row.owner, row.seen,
    )  # fmt: skip


def _epochs(connection: Connection, pipeline: Pipeline, since: int) -> dict[int, list[Epoch]]:
    found: dict[int, list[Epoch]] = {}
    query = (
        select(*_COLUMNS)
        .join_from(schema.stat, schema.trial)
        .where(*_of_pipeline(pipeline), schema.stat.c.trial_id >= since)
        .order_by(schema.stat.c.epoch)
    )
    for row in connection.execute(query):
        epoch = epoch_of(row._asdict())
        found.setdefault(row.trial_id, []).append(epoch)
    return found


def epoch_of(row: Mapping[Any, Any]) -> Epoch:
    """Return the epoch that a row of `schema.stat` holds, by its columns' names."""
    known: dict[str, Any] = {attribute: row[name] for attribute, name in _PLAIN}
    for attribute, name, read in _TEXTS:
        # Without a text, the attribute has its default.
        if (text := row.get(name)) is not None:
            known[attribute] = read(text)
    return Epoch(**known)


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


def _by_recipe(recipe: str | None) -> list[Any]:
    used = schema.trial.c.recipe
    return [] if recipe is None else [used.is_(None) | (used == recipe)]


def _of_pipeline(pipeline: Pipeline) -> list[Any]:
    trial = schema.trial.c
    return [
        trial.task == pipeline.task,
        trial.dataset == pipeline.dataset,
        trial.metric == pipeline.metric,
        trial.nn == pipeline.net,
    ]
