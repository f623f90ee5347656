"""Recorded epochs as plain Python values, with the source code of their nets."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.code import read_codes
from lemur_core.store.ranking import best_first
from lemur_core.store.reading.frame import read_prms
from lemur_core.store.values import shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.store.reading.filters import Filters


class RecordedEpoch(NamedTuple):
    """An epoch of a recorded trial; unknown values are None.

    Attributes:
        trial: Unique id of the trial.
        task: Name of the task.
        dataset: Name of the dataset, including its restriction.
        metric: Name of the metric.
        nn: Name of the net.
        code: Source code of the net.
        code_hash: SHA-256 of the source code, in hexadecimal.
        fingerprint: Fingerprint of the dataset's content.
        prm: Hyperparameters by name.
        in_shape: Shape of the net's input, ``(1, channels, height, width)`` for images.
        out_shape: Shape of the net's output for one sample.
        parameters: Number of parameters of the net.
        epoch: Number of the epoch, starting at 1.
        accuracy: Score on the test split, 0 to 1.
        validation: Score on the validation split, 0 to 1.
        duration: Nanoseconds from the start of training to the end of the epoch.
    """

    trial: str
    task: str
    dataset: str
    metric: str
    nn: str
    code: str | None
    code_hash: str | None
    fingerprint: str | None
    prm: Mapping[str, Any]
    in_shape: tuple[int, ...] | None
    out_shape: tuple[int, ...] | None
    parameters: int | None
    epoch: int
    accuracy: float
    validation: float | None
    duration: int | None


_trial, _stat = schema.trial.c, schema.stat.c
_QUERY = (
    select(
        _trial.uid, _trial.task, _trial.dataset, _trial.metric, _trial.nn, _trial.nn_id,
        _trial.dataset_id, _trial.prm, _trial.in_shape, _trial.out_shape, _trial.parameters,
        _stat.epoch, _stat.accuracy, _stat.validation, _stat.duration,
    )
    .join_from(schema.stat, schema.trial)
    .order_by(*best_first())
)  # fmt: skip


def read_epochs(connection: Connection, filters: Filters) -> list[RecordedEpoch]:
    """Return the epochs that match the filters, best first by validation score."""
    rows = connection.execute(filters.apply(_QUERY, joined=True)).all()
    codes_by_id = read_codes(connection, schema.nn, {row.nn_id for row in rows})
    codes = {
        nn_id: (named_code.code.text, named_code.code.hash)
        for nn_id, named_code in codes_by_id.items()
    }
    prms = read_prms(connection, list({row.prm for row in rows}))
    dataset = schema.dataset.c
    dataset_rows = connection.execute(select(dataset.id, dataset.fingerprint))
    fingerprints = {row.id: row.fingerprint for row in dataset_rows}
    # Many epochs share few shapes.
    shape = cache(shape_of)
    epochs = []
    for row in rows:
        # Access by position is faster than by name.
        nn_id, dataset_id, prm, in_shape, out_shape = row[5:10]
        values = (*codes.get(nn_id, (None, None)), fingerprints.get(dataset_id), prms[prm])
        shapes = shape(in_shape), shape(out_shape)
        epochs.append(RecordedEpoch._make((*row[:5], *values, *shapes, *row[10:])))
    return epochs
