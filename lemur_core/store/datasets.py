"""The content of data sets that trials were trained on."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from lemur_core.dataset import SHOWN_DIGITS, DatasetRecord, label
from lemur_core.store import schema
from lemur_core.store.identity import exact
from lemur_core.store.statements import insert_once
from lemur_core.store.text import storable
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from lemur_core.pipeline import Pipeline


def _of_trial(column: ColumnElement[str]) -> ColumnElement[str]:
    trial, dataset = schema.trial, schema.dataset.c
    query = select(column).where(dataset.id == trial.c.dataset_id).correlate(trial)
    return query.scalar_subquery()


FINGERPRINT = _of_trial(schema.dataset.c.fingerprint)
"""The fingerprint of a trial's data set, in queries of `schema.trial`; NULL if it is unknown."""
LABEL = _of_trial(
    schema.dataset.c.folder.concat("@").concat(
        func.substr(schema.dataset.c.fingerprint, 1, SHOWN_DIGITS)
    )
)
"""The label of a trial's data set, likewise."""


def dataset_id(connection: Connection, record: DatasetRecord | None) -> int | None:
    """Return the id of a data set, which is written if it is not there; None if it is unknown."""
    if record is None:
        return None
    columns, fingerprint = schema.dataset.c, record.fingerprint
    same = select(columns.id).where(columns.fingerprint == fingerprint)
    found: int | None = connection.scalar(same)
    if found is None:
        texts = {name: storable(text) for name, text in record.texts.items()}
        row = {"fingerprint": fingerprint, **texts}
        connection.execute(insert_once(connection.dialect, schema.dataset).values(row))
        return int(connection.execute(same).scalar_one())
    return found


def data_text(record: DatasetRecord) -> str:
    """Return a data set as the text of one JSON object, which `data_of` reads."""
    return exact(record.texts)


def data_of(text: str | None) -> DatasetRecord | None:
    """Return a data set from its text; None if it is unknown.

    Raises:
        ValueError: The text is not what `data_text` writes.
        TypeError: Likewise.
        AttributeError: Likewise.
    """
    return None if text is None else DatasetRecord.from_texts(**json.loads(text))


def read_datasets(
    connection: Connection, ids: Collection[int | None]
) -> dict[int | None, DatasetRecord]:
    """Return data sets by their ids."""
    columns = schema.dataset.c
    query = select(columns.id, columns.folder, columns.class_names, columns.parts)
    rows = connection.execute(query.where(columns.id.in_(list(ids))))
    return {row.id: DatasetRecord.from_texts(*row[1:]) for row in rows}


def read_names(
    connection: Connection, ids: Collection[int | None]
) -> dict[int | None, tuple[str, str]]:
    """Return the folder names and fingerprints of data sets by their ids."""
    columns = schema.dataset.c
    query = select(columns.id, columns.folder, columns.fingerprint)
    rows = connection.execute(query.where(columns.id.in_(list(ids))))
    return {row.id: (row.folder, row.fingerprint) for row in rows}


def on_data(pipeline: Pipeline, record: DatasetRecord | None) -> list[ColumnElement[bool]]:
    """Return the conditions that a trial of a pipeline was trained on this data.

    Trials of older versions do not say what they were trained on. They count only if the loader
    holds all samples in memory, as those of published data sets do, and if the database knows no
    other content under the data set's name.

    Args:
        pipeline: Whose task and data set the trial has.
        record: The data; None takes any.
    """
    if record is None:
        return []
    return [_on(pipeline.task, pipeline.dataset, record.fingerprint, record.in_memory)]


# A search asks for the same before each of its trials.
@lru_cache
def _on(task: str, name: str, fingerprint: str, in_memory: bool) -> ColumnElement[bool]:
    trial, dataset = schema.trial.c, schema.dataset.c
    same = trial.dataset_id.in_(select(dataset.id).where(dataset.fingerprint == fingerprint))
    if not in_memory:
        return same
    other = schema.trial.alias()
    another = (
        select(other.c.id)
        .join_from(other, schema.dataset, other.c.dataset_id == dataset.id)
        .where(other.c.task == task, other.c.dataset == name)
        .where(dataset.fingerprint != fingerprint)
        .exists()
    )
    return same | (trial.dataset_id.is_(None) & ~another)


def on_each_data(
    data: Iterable[tuple[Pipeline, DatasetRecord | None]],
) -> ColumnElement[bool]:
    """Return the condition that a trial was trained on the data of its pipeline.

    Args:
        data: Pipelines and their data; of others, no trial fulfils the condition.
    """
    trial = schema.trial.c
    each = {(one.task, one.dataset): (one, record) for one, record in data}.values()
    return or_(
        false(),
        *(
            and_(trial.task == one.task, trial.dataset == one.dataset, *on_data(one, record))
            for one, record in each
        ),
    )


def count_elsewhere(
    connection: Connection, pipeline: Pipeline, record: DatasetRecord
) -> dict[str | None, int]:
    """Return how many trials of a pipeline's data set were trained on other data.

    Returns:
        The number of trials by the label of their data; by None if that is unknown. Failed trials
        and imported results are not counted.
    """
    trial, dataset = schema.trial.c, schema.dataset.c
    [here] = on_data(pipeline, record)
    query = (
        select(dataset.folder, dataset.fingerprint, func.count())
        .join_from(schema.trial, schema.dataset, isouter=True)
        .where(trial.task == pipeline.task, trial.dataset == pipeline.dataset)
        .where(trial.number.is_not(None), trial.state != State.FAILED)
        .where(func.coalesce(~here, True))
        .group_by(dataset.folder, dataset.fingerprint)
        .order_by(dataset.folder)
    )
    return {
        None if fingerprint is None else label(folder, fingerprint): count
        for folder, fingerprint, count in connection.execute(query)
    }


def count_unknown(connection: Connection, pipeline: Pipeline) -> int:
    """Return how many trials of a pipeline's data set do not say what they were trained on."""
    return connection.scalar(select(func.count()).where(*_unknown(pipeline))) or 0


def adopt(connection: Connection, pipeline: Pipeline, record: DatasetRecord) -> int:
    """Declare that trials of unknown data were trained on this data; return how many.

    Args:
        connection: To the database.
        pipeline: Whose task and data set the trials have.
        record: The data.
    """
    change = schema.trial.update().where(*_unknown(pipeline))
    return connection.execute(change.values(dataset_id=dataset_id(connection, record))).rowcount


def _unknown(pipeline: Pipeline) -> list[Any]:
    trial = schema.trial.c
    return [
        trial.task == pipeline.task,
        trial.dataset == pipeline.dataset,
        trial.dataset_id.is_(None),
        trial.number.is_not(None),
        trial.state != State.FAILED,  # It may have failed because its data changed.
    ]
