"""Read the recorded trials from which a search continues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, or_, select

from lemur_core.early_end import ENDED_EARLY, REPEATS, EarlyEnd
from lemur_core.fact import WHOLE_TRIAL
from lemur_core.file_entry import SIGN
from lemur_core.store import fields, schema
from lemur_core.store.datasets import on_data
from lemur_core.store.identity import code_hash
from lemur_core.store.values import prediction_of
from lemur_core.trial import UNFINISHED, Epoch, Prediction, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline

_EPOCH_FIELDS = [(field.attribute, field) for field in fields.EPOCH if field.attribute is not None]
_PLAIN_COLUMNS = [
    (attribute, field.name) for attribute, field in _EPOCH_FIELDS if field.read is None
]
_CONVERTED_COLUMNS = [
    (attribute, field.name, field.read) for attribute, field in _EPOCH_FIELDS if field.read
]
_COLUMNS = [schema.stat.c.trial_id, *(schema.stat.c[field.name] for _, field in _EPOCH_FIELDS)]


@dataclass(frozen=True)
class PastTrial:
    """A recorded trial, as the search needs it.

    Attributes:
        ended: When it ended, in ISO 8601; None if it has not.
        predicted: The final score that an estimator predicted, 0 to 1; None if there is none.
        estimate: The rest of the prediction, as stored; None if there is none.
        early_end: How it had ended before it continued; None if it did not continue.
        repeats: Unique id of the trial that it repeats, to its end or with another seed; None if
            it repeats none.
    """

    id: int
    uid: str
    number: int
    prm: Mapping[str, Any]
    seed: int
    state: State
    owner: str
    seen: str
    epochs: tuple[Epoch, ...]
    ended: str | None = None
    predicted: float | None = None
    estimate: str | None = None
    early_end: EarlyEnd | None = None
    repeats: str | None = None

    @property
    def prediction(self) -> Prediction | None:
        """The prediction of an estimator; None if there is none."""
        return prediction_of(self.predicted, self.estimate)

    @property
    def state_in_search(self) -> State:
        """The state as the search counts it.

        A trial that continues after an early end keeps that end's state while it is trained.
        """
        if self.early_end is not None and self.state in UNFINISHED:
            return self.early_end.state
        return self.state


def read_past(
    connection: Connection,
    pipeline: Pipeline,
    epochs: int,
    known: Mapping[int, PastTrial],
    data: DatasetRecord | None = None,
    recipe: str | None = None,
) -> list[PastTrial]:
    """Return the pipeline's trials with this number of epochs and this code, by trial number.

    Trials with epochs that were not scored by all metrics of the pipeline are left out.

    Args:
        connection: Connection to the database.
        pipeline: The pipeline.
        epochs: Number of requested epochs.
        known: Trials from an earlier call, by id; only trials that changed since are read.
        data: The data they must be trained on; None for any.
        recipe: Identity of the training code; trials of unknown recipe match too. None for any.
    """
    trial, nn = schema.trial.c, schema.nn.c
    rows = connection.execute(
        select(
            trial.id, trial.uid, trial.number, trial.prm, trial.seed, trial.state,
            trial.owner, trial.seen, trial.ended, trial.predicted, trial.estimate,
        )
        .join_from(schema.trial, schema.nn, trial.nn_id == nn.id)
        .where(*_pipeline_conditions(pipeline), trial.epochs == epochs)
        # Trials that were recorded from elsewhere have no number.
        .where(trial.number.is_not(None))
        .where(nn.hash == code_hash(pipeline.net_entry.code()), *on_data(pipeline, data))
        .where(*_recipe_conditions(recipe))
        .order_by(trial.number)
    ).all()  # fmt: skip
    changed = [row for row in rows if not _is_unchanged(known.get(row.id), row)]
    first_id = min((row.id for row in changed), default=None)
    recorded = {} if first_id is None else _epochs(connection, pipeline, first_id)
    prms = {} if first_id is None else _prms(connection, pipeline, first_id)
    facts = {} if first_id is None else _facts(connection, pipeline, first_id)
    trials = {
        row.id: PastTrial(
            row.id, row.uid, row.number, prms[row.prm], row.seed, State(row.state),
            row.owner, row.seen, tuple(recorded.get(row.id, ())), row.ended,
            row.predicted, row.estimate, EarlyEnd.of(facts.get((row.id, ENDED_EARLY))),
            facts.get((row.id, REPEATS)),
        )
        for row in changed
    }  # fmt: skip
    past = (trials.get(row.id) or known[row.id] for row in rows)
    return [trial for trial in past if _have_all_scores(trial.epochs, pipeline)]


def last_number(connection: Connection, pipeline: Pipeline) -> int:
    """Return the highest trial number of the pipeline; 0 if there are no trials."""
    number = func.max(schema.trial.c.number)
    return connection.scalar(select(number).where(*_pipeline_conditions(pipeline))) or 0


def count_other_code(connection: Connection, pipeline: Pipeline) -> int:
    """Count the trials whose dataset or metric is another version of the pipeline's file.

    The name of a loader or metric in a file ends in the digest of its code. Trials of any net
    count if their dataset and metric have the pipeline's names apart from the digests.
    """
    trial, same, other = schema.trial.c, [], []
    for column, name in ((trial.dataset, pipeline.dataset), (trial.metric, pipeline.metric)):
        stem, sign, _ = name.partition(SIGN)
        if not sign:
            same.append(column == name)
            continue
        version = name.partition("[")[0]
        same.append(func.substr(column, 1, len(stem) + 1) == stem + sign)
        other.append(func.substr(column, 1, len(version)) != version)
    if not other:
        return 0
    query = select(func.count()).where(trial.task == pipeline.task, *same)
    return connection.scalar(query.where(or_(*other), trial.state != State.FAILED)) or 0


def read_prm(connection: Connection, uid: str) -> dict[str, Any]:
    """Return the hyperparameters with a uid."""
    columns = schema.prm.c
    rows = connection.execute(select(columns.name, columns.value).where(columns.uid == uid))
    return {row.name: row.value for row in rows}


def count_lacking_scores(connection: Connection, pipeline: Pipeline) -> int:
    """Count the trials with epochs that were not scored by all metrics of the pipeline."""
    if not pipeline.also:
        return 0
    recorded = _epochs(connection, pipeline, 0).values()
    return sum(not _have_all_scores(epochs, pipeline) for epochs in recorded)


def _have_all_scores(epochs: Iterable[Epoch], pipeline: Pipeline) -> bool:
    return all(pipeline.also.keys() <= epoch.scores.keys() for epoch in epochs)


def _is_unchanged(known: PastTrial | None, row: Any) -> bool:
    return known is not None and (known.state, known.owner, known.seen) == (
        row.state, row.owner, row.seen,
    )  # fmt: skip


def _epochs(connection: Connection, pipeline: Pipeline, first_id: int) -> dict[int, list[Epoch]]:
    epochs: dict[int, list[Epoch]] = {}
    query = (
        select(*_COLUMNS)
        .join_from(schema.stat, schema.trial)
        .where(*_pipeline_conditions(pipeline), schema.stat.c.trial_id >= first_id)
        .order_by(schema.stat.c.epoch)
    )
    for row in connection.execute(query):
        epoch = epoch_of(row._asdict())
        epochs.setdefault(row.trial_id, []).append(epoch)
    return epochs


def epoch_of(row: Mapping[Any, Any]) -> Epoch:
    """Return the epoch in a row of `schema.stat`, given by column name."""
    values: dict[str, Any] = {attribute: row[name] for attribute, name in _PLAIN_COLUMNS}
    for attribute, name, read in _CONVERTED_COLUMNS:
        # If there is no value, the attribute keeps its default.
        if (value := row.get(name)) is not None:
            values[attribute] = read(value)
    return Epoch(**values)


def _prms(connection: Connection, pipeline: Pipeline, first_id: int) -> dict[str, dict[str, Any]]:
    prms: dict[str, dict[str, Any]] = {}
    trial, prm = schema.trial.c, schema.prm.c
    query = (
        select(prm.uid, prm.name, prm.value)
        .join_from(schema.trial, schema.prm, trial.prm == prm.uid)
        .where(*_pipeline_conditions(pipeline), trial.id >= first_id)
    )
    for row in connection.execute(query):
        prms.setdefault(row.uid, {})[row.name] = row.value
    return prms


def _facts(connection: Connection, pipeline: Pipeline, first_id: int) -> dict[tuple[int, str], Any]:
    """Return the facts that say how trials relate to those that ended early."""
    fact = schema.fact.c
    query = (
        select(fact.trial_id, fact.name, fact.value)
        .join_from(schema.fact, schema.trial)
        .where(*_pipeline_conditions(pipeline), fact.trial_id >= first_id)
        .where(fact.epoch == WHOLE_TRIAL, fact.name.in_([ENDED_EARLY, REPEATS]))
    )
    return {(row.trial_id, row.name): row.value for row in connection.execute(query)}


def _recipe_conditions(recipe: str | None) -> list[Any]:
    column = schema.trial.c.recipe
    return [] if recipe is None else [column.is_(None) | (column == recipe)]


def _pipeline_conditions(pipeline: Pipeline) -> list[Any]:
    trial = schema.trial.c
    return [
        trial.task == pipeline.task,
        trial.dataset == pipeline.dataset,
        trial.metric == pipeline.metric,
        trial.nn == pipeline.net,
    ]
