"""The content of the datasets that trials were trained on."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from lemur_core.dataset import SHOWN_DIGITS, DatasetRecord, label
from lemur_core.store import schema
from lemur_core.store.identity import canonical_json
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
"""Fingerprint of a trial's dataset, for queries on `schema.trial`; NULL if it is unknown."""
LABEL = _of_trial(
    schema.dataset.c.folder.concat("@").concat(
        func.substr(schema.dataset.c.fingerprint, 1, SHOWN_DIGITS)
    )
)
"""Label of a trial's dataset, for queries on `schema.trial`; NULL if it is unknown."""


def dataset_id(connection: Connection, record: DatasetRecord | None) -> int | None:
    """Return the id of a dataset, inserting it if it is missing; None if the dataset is unknown."""
    if record is None:
        return None
    columns, fingerprint = schema.dataset.c, record.fingerprint
    query = select(columns.id).where(columns.fingerprint == fingerprint)
    existing: int | None = connection.scalar(query)
    if existing is None:
        texts = {name: storable(text) for name, text in record.texts.items()}
        row = {"fingerprint": fingerprint, **texts}
        connection.execute(insert_once(connection.dialect, schema.dataset).values(row))
        return int(connection.execute(query).scalar_one())
    return existing


def data_text(record: DatasetRecord) -> str:
    """Return a dataset as a JSON object that `data_of` reads."""
    return canonical_json(record.texts)


def data_of(text: str | None) -> DatasetRecord | None:
    """Return a dataset from the text that `data_text` returned; None if it is unknown.

    Raises:
        ValueError, TypeError, AttributeError: `data_text` does not write this text.
    """
    return None if text is None else DatasetRecord.from_texts(**json.loads(text))


def read_datasets(
    connection: Connection, ids: Collection[int | None]
) -> dict[int | None, DatasetRecord]:
    """Return datasets by id."""
    columns = schema.dataset.c
    query = select(columns.id, columns.folder, columns.class_names, columns.parts)
    rows = connection.execute(query.where(columns.id.in_(list(ids))))
    return {row.id: DatasetRecord.from_texts(*row[1:]) for row in rows}


def read_names(
    connection: Connection, ids: Collection[int | None]
) -> dict[int | None, tuple[str, str]]:
    """Return the folder name and fingerprint of datasets by id."""
    columns = schema.dataset.c
    query = select(columns.id, columns.folder, columns.fingerprint)
    rows = connection.execute(query.where(columns.id.in_(list(ids))))
    return {row.id: (row.folder, row.fingerprint) for row in rows}


def on_data(pipeline: Pipeline, record: DatasetRecord | None) -> list[ColumnElement[bool]]:
    """Return SQL conditions that select the trials trained on a dataset's content.

    Trials of older versions do not record their data. They match only if the loader holds all
    samples in memory, as those of published datasets do, and the database contains no trial on
    other content under the dataset's name.

    Args:
        pipeline: Pipeline with the task and dataset of the trials.
        record: Content of the dataset; None matches any.
    """
    if record is None:
        return []
    return [_trained_on(pipeline.task, pipeline.dataset, record.fingerprint, record.in_memory)]


# A search needs the same condition before each of its trials.
@lru_cache
def _trained_on(task: str, name: str, fingerprint: str, in_memory: bool) -> ColumnElement[bool]:
    trial, dataset = schema.trial.c, schema.dataset.c
    matches = trial.dataset_id.in_(select(dataset.id).where(dataset.fingerprint == fingerprint))
    if not in_memory:
        return matches
    other = schema.trial.alias()
    has_other_content = (
        select(other.c.id)
        .join_from(other, schema.dataset, other.c.dataset_id == dataset.id)
        .where(other.c.task == task, other.c.dataset == name)
        .where(dataset.fingerprint != fingerprint)
        .exists()
    )
    return matches | (trial.dataset_id.is_(None) & ~has_other_content)


def on_each_data(
    data: Iterable[tuple[Pipeline, DatasetRecord | None]],
) -> ColumnElement[bool]:
    """Return an SQL condition that selects the trials trained on their pipeline's data.

    Args:
        data: Pipelines and their data. Trials of other pipelines do not match.
    """
    trial = schema.trial.c
    pipelines = {
        (pipeline.task, pipeline.dataset): (pipeline, record) for pipeline, record in data
    }.values()
    return or_(
        false(),
        *(
            and_(
                trial.task == pipeline.task,
                trial.dataset == pipeline.dataset,
                *on_data(pipeline, record),
            )
            for pipeline, record in pipelines
        ),
    )


def count_elsewhere(
    connection: Connection, pipeline: Pipeline, record: DatasetRecord
) -> dict[str | None, int]:
    """Count the trials on a pipeline's dataset that were trained on other data.

    Returns:
        Number of trials by the label of their data, None for unknown data. Failed trials and
        imported results are not counted.
    """
    trial, dataset = schema.trial.c, schema.dataset.c
    [condition] = on_data(pipeline, record)
    query = (
        select(dataset.folder, dataset.fingerprint, func.count())
        .join_from(schema.trial, schema.dataset, isouter=True)
        .where(trial.task == pipeline.task, trial.dataset == pipeline.dataset)
        .where(trial.number.is_not(None), trial.state != State.FAILED)
        .where(func.coalesce(~condition, True))
        .group_by(dataset.folder, dataset.fingerprint)
        .order_by(dataset.folder)
    )
    return {
        None if fingerprint is None else label(folder, fingerprint): count
        for folder, fingerprint, count in connection.execute(query)
    }


def count_unknown(connection: Connection, pipeline: Pipeline) -> int:
    """Return the number of trials on a pipeline's dataset whose data is unknown."""
    return connection.scalar(select(func.count()).where(*_data_unknown(pipeline))) or 0


def adopt(connection: Connection, pipeline: Pipeline, record: DatasetRecord) -> int:
    """Declare that trials with unknown data were trained on this data; return their number.

    Args:
        connection: Connection to the database.
        pipeline: Pipeline with the task and dataset of the trials.
        record: The data.
    """
    change = schema.trial.update().where(*_data_unknown(pipeline))
    return connection.execute(change.values(dataset_id=dataset_id(connection, record))).rowcount


def _data_unknown(pipeline: Pipeline) -> list[Any]:
    trial = schema.trial.c
    return [
        trial.task == pipeline.task,
        trial.dataset == pipeline.dataset,
        trial.dataset_id.is_(None),
        trial.number.is_not(None),
        trial.state != State.FAILED,  # Changed data may be the cause of the failure.
    ]
