"""Read trials as a DataFrame, also those without an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.store.collections import find_collection
from lemur_core.store.database import DEFAULT_DB, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.reading.reader import filters_of
from lemur_core.store.reading.trial_rows import COLUMNS, trial_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pandas import DataFrame
    from sqlalchemy import Connection

    from lemur_core.store.reading.trial_rows import Row


def trials(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    nn_prefixes: Collection[str] = (),
    *,
    where: Mapping[str, Any] | None = None,
    collection: str | None = None,
    db: str | Path = DEFAULT_DB,
) -> DataFrame:
    """Return the recorded trials, one row each, the one that started last at the end.

    Unlike `data`, this includes the trials without an epoch, for example those that failed at once.

    Args:
        task: Only trials of this task; likewise for the next arguments, see `data`.
        dataset: Only trials on this dataset.
        metric: Only trials with this metric.
        nn: Only trials of this net.
        nn_prefixes: Only trials of nets whose name starts with one of these prefixes.
        where: Required values, see `data`; values of epochs match if those of some epoch do.
        collection: Only trials in this collection, with the columns ``role`` and ``position``. A
            trial with several roles has a row for each.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A frame with the columns of `lemur_core.store.reading.trial_rows.trial_rows`: among them
        ``trial`` (unique id), ``pipeline``, ``state``, ``reason`` (of a failure), ``validation``
        and ``accuracy`` (the scores of the best epoch, 0 to 1), ``epoch`` (its number),
        ``trained`` (number of recorded epochs), ``epochs`` (of requested ones), ``seconds``,
        ``prm`` and ``facts`` (dictionaries), and ``tags``.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: The collection does not exist.
        SettingsError: Trials cannot be filtered by ``where``.
    """
    from pandas import DataFrame

    filters = filters_of(task, dataset, metric, nn, None, nn_prefixes, where, collection)

    def read(connection: Connection) -> list[Row]:
        rows = trial_rows(connection, filters)[0]
        if collection is None:
            return rows
        by_trial: dict[str, list[Row]] = {}
        for member in find_collection(connection, collection).members:
            place = {"role": member.role, "position": member.position}
            by_trial.setdefault(member.trial, []).append(place)
        return [row | place for row in rows for place in by_trial[row["trial"]]]

    with open_engine(db) as engine:
        rows = patiently(engine, read)
    places = () if collection is None else ("role", "position")
    return DataFrame(rows, columns=[*COLUMNS, "facts", *places])
