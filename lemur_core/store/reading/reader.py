"""Read results as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.restriction import canonical
from lemur_core.store.database import DEFAULT_DB, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.frame import FrameOptions, frame_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from pandas import DataFrame
    from sqlalchemy import Connection


def data(
    only_best_accuracy: bool = False,
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    epoch: int | None = None,
    max_rows: int | None = None,
    nn_prefixes: Collection[str] = (),
    unique_nn: bool = False,
    *,
    only_best: bool = False,
    where: Mapping[str, Any] | None = None,
    with_curves: bool = False,
    with_stats: bool = False,
    prm_as_columns: bool = False,
    columns: Sequence[str] | None = None,
    with_facts: bool | Sequence[str] = False,
    collection: str | None = None,
    db: str | Path = DEFAULT_DB,
) -> DataFrame:
    """Return the recorded results, one row per trial and epoch, in the order they were recorded.

    Args:
        only_best_accuracy: Keep only the row with the highest accuracy for each task, dataset,
            metric, net and epoch; in a tie, the row of the trial that started first. This is
            LEMUR's definition: accuracy is the test score, so rows are selected on the test split.
        task: Only rows of this task.
        dataset: Only rows of this dataset; the name includes its restriction.
        metric: Only rows of this metric.
        nn: Only rows of the net with this name.
        epoch: Only rows of this epoch; the first epoch is 1.
        max_rows: Maximum number of rows.
        nn_prefixes: Only rows of nets whose name starts with one of these prefixes.
        unique_nn: Keep one row per net: the one with the highest accuracy or, with ``only_best``,
            the best one.
        only_best: Keep only the best row for each task, dataset, metric, net and epoch, as ``lemur
            best`` does: the one with the highest validation score; in a tie, the row of the
            trial that started first. If no row has a validation score, as in LEMUR's published
            results, the row with the highest accuracy is kept.
        where: Required values of hyperparameters, facts and columns, by name. Give a value, a list
            or set of allowed values, or a tuple (min, max), in which None means no bound:
            ``{"lr": (1e-4, None), "batch": [32, 64], "state": "failed"}``. A trial may be given by
            its id or a prefix of the id. A name that is not a column is a hyperparameter or a
            fact; write ``prm.epochs`` or ``fact.epochs`` if it is ambiguous.
            Columns that hold dictionaries or code cannot be filtered by.
        with_curves: Add ``curve``: a dictionary from epoch to accuracy for the row's trial.
        with_stats: Add details of the row's trial: ``number``, ``seed``, ``epochs`` (requested),
            ``device``, ``parameters`` (of the net), ``started``, ``ended``, ``reason`` (of a
            failure), ``recipe`` (identity of the training code, without the net's own code),
            ``fingerprint`` (of the dataset's content), ``within`` (a dictionary of validation
            scores within the row's epoch, by the training done by then, in epochs), ``source``
            (where the row was imported from) and ``extra`` (a dictionary of the other values in
            its record).
        prm_as_columns: Replace ``prm`` by one column per hyperparameter, for example ``prm.lr``.
        columns: Return only these columns, in this order. ``prm.lr`` is the hyperparameter ``lr``;
            a fact is given by its name.
        with_facts: Add a column for each fact of the rows, or for the facts with these names. A
            fact of a trial appears on each of its rows, a fact of an epoch only on that epoch's
            row. The column has the fact's name, or ``fact.accuracy`` if ``accuracy`` is another
            column.
        collection: Only rows of trials in this collection, with the columns ``role`` and
            ``position``. The rows of a trial with several roles are repeated for each role.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A new frame, read on each call, with LEMUR's columns ``task, dataset, metric, metric_code,
        nn, nn_code, epoch, accuracy, duration, prm, transform_code``, followed by lemur's own.
        ``accuracy`` is the score on the test split, 0 to 1, whatever the metric; ``duration`` is in
        nanoseconds since the trial's training started; ``prm`` is a dictionary; the code columns
        are categoricals, missing if the code is unknown. lemur's own are ``validation`` (the
        score that the search uses, 0 to 1), ``loss`` (mean training loss), ``scores`` (a dictionary
        from each other metric to its validation and test scores), ``trial`` (unique id),
        ``state`` (of the trial), ``predicted`` (the validation score that an estimator predicted
        for the trial's last epoch, 0 to 1; NaN if there is no prediction) and ``data`` (a short
        name for the dataset's content, ``pets@1f2e3d4c``; missing if the content is unknown).
        Wherever rows of one dataset are compared, datasets with the same name and different content
        count as different.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: A column, fact or collection does not exist. A filter on a name that is
            not recorded is not an error: the frame is empty and has all its columns.
        SettingsError: Both ``only_best`` and ``only_best_accuracy`` are given, or rows cannot be
            filtered by ``where``.
    """
    filters = filters_of(task, dataset, metric, nn, epoch, nn_prefixes, where, collection)
    options = frame_options(
        only_best_accuracy=only_best_accuracy,
        max_rows=max_rows,
        unique_nn=unique_nn,
        only_best=only_best,
        with_curves=with_curves,
        with_stats=with_stats,
        prm_as_columns=prm_as_columns,
        columns=columns,
        with_facts=with_facts,
    )
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: frame_of(connection, filters, options))


def filters_of(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    epoch: int | None = None,
    nn_prefixes: Collection[str] = (),
    where: Mapping[str, Any] | None = None,
    collection: str | None = None,
) -> Filters:
    """Return the filters that these arguments of `data` define.

    Raises:
        SettingsError: Rows cannot be filtered by one of the columns, or a number is not finite.
    """
    dataset_name = None if dataset is None else canonical(dataset)
    return Filters(
        trial={"task": task, "dataset": dataset_name, "metric": metric, "nn": nn},
        epoch=epoch,
        nn_prefixes=(nn_prefixes,) if isinstance(nn_prefixes, str) else tuple(nn_prefixes),
        where=where or {},
        collection=collection,
    )


def frame_options(
    *,
    only_best_accuracy: bool = False,
    max_rows: int | None = None,
    unique_nn: bool = False,
    only_best: bool = False,
    with_curves: bool = False,
    with_stats: bool = False,
    prm_as_columns: bool = False,
    columns: Sequence[str] | None = None,
    with_facts: bool | Sequence[str] = False,
) -> FrameOptions:
    """Return the frame options that these arguments of `data` define.

    Raises:
        SettingsError: Both ``only_best`` and ``only_best_accuracy`` are given.
    """
    if only_best and only_best_accuracy:
        raise SettingsError(
            "only_best selects by validation score and only_best_accuracy by test score; "
            "give only one"
        )
    return FrameOptions(
        best_of=_best_of(only_best or only_best_accuracy, unique_nn),
        by="validation" if only_best else "accuracy",
        max_rows=max_rows,
        curves=with_curves,
        stats=with_stats,
        prm_as_columns=prm_as_columns,
        columns=columns,
        facts=[with_facts] if isinstance(with_facts, str) else with_facts,
        roles=True,
    )


def without_epochs(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    epoch: int | None = None,
    nn_prefixes: Collection[str] = (),
    *,
    where: Mapping[str, Any] | None = None,
    collection: str | None = None,
    db: str | Path = DEFAULT_DB,
) -> list[str]:
    """Return the unique ids of matching trials that have no epoch and hence no row in `data`.

    The arguments are those of `data`.

    Raises:
        StoreError: The database does not exist or cannot be read.
    """
    filters = filters_of(task, dataset, metric, nn, epoch, nn_prefixes, where, collection)
    query = filters.without_epochs()
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: list(connection.scalars(query)))


def best(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    *,
    db: str | Path = DEFAULT_DB,
) -> DataFrame:
    """Return the best epoch of each pipeline, by task, dataset and metric, best first.

    The best epoch is the one with the highest validation score. Ties are broken in favour of the
    later epoch, then of the trial that started first. Epochs without a validation score, as in
    LEMUR's published results, rank after all epochs with one, by accuracy.

    Args:
        task: Only pipelines of this task.
        dataset: Only pipelines of this dataset; the name includes its restriction.
        metric: Only pipelines of this metric.
        nn: Only pipelines of this net.
        db: A database URL, or the path of an SQLite file.

    Raises:
        StoreError: The database does not exist or cannot be read.
    """
    filters = filters_of(task, dataset, metric, nn)
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: best_frame(connection, filters))


def best_frame(connection: Connection, filters: Filters) -> DataFrame:
    """Return the best epoch of each pipeline among the rows that match the filters.

    The order is that of `best`.
    """
    parts = ("task", "dataset", "metric", "nn")
    frame = frame_of(connection, filters, FrameOptions(best_of=parts))
    score = frame["validation"].fillna(frame["accuracy"])
    keys = frame[[*parts[:3]]].assign(unknown=frame["validation"].isna(), score=-score)
    # Rows are ordered by the start of their trials; a stable sort keeps this order for ties.
    return frame.loc[keys.sort_values([*keys], kind="stable").index].reset_index(drop=True)


def _best_of(only_best: bool, unique_nn: bool) -> tuple[str, ...]:
    """Return the columns that define the groups of rows of which the best is kept."""
    if unique_nn:
        return ("nn",)
    return ("task", "dataset", "metric", "nn", "epoch") if only_best else ()
