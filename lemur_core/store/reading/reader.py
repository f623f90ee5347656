"""Read results as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from lemur_core.restriction import canonical
from lemur_core.store import schema
from lemur_core.store.database import DEFAULT_DB, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.reading.best_rows import best_rows
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.frame import frame_of
from lemur_core.store.reading.frame_options import FrameOptions

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
    by: str | None = None,
    per: str | None = None,
    top: int | None = None,
    sort: str | Sequence[str] = (),
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
        columns: Return only these columns, in this order; those of ``with_curves`` and
            ``with_stats`` are included if they are named. A fact is given by its name, and a
            hyperparameter by its name or, if a column or fact has this name, as ``prm.lr``.
        with_facts: Add a column for each fact of the rows, or for the facts with these names. A
            fact of a trial appears on each of its rows, a fact of an epoch only on that epoch's
            row. The column has the fact's name, or ``fact.accuracy`` if ``accuracy`` is another
            column.
        collection: Only rows of trials in this collection, with the columns ``role`` and
            ``position``. The rows of a trial with several roles are repeated for each role.
        by: Score that selects the best rows: ``validation``, or ``test`` for the highest accuracy.
            Only valid with another argument that keeps only the best rows.
        per: Keep only the best row of each ``pipeline``, as `lemur_core.best` does; of each
            ``dataset`` (task, dataset and metric); of each ``net`` (task, metric and net); of each
            ``user`` (task, dataset, metric and user); or of each ``trial``. By validation, unless
            ``by`` says otherwise.
        top: Keep the best rows of this many trials instead of one, by default of each pipeline.
        sort: Columns to sort the rows by, most important first; a name that starts with ``-``
            sorts in descending order. Columns are named as in ``columns``; missing values come
            last.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A new frame, read on each call, with LEMUR's columns ``task, dataset, metric, metric_code,
        nn, nn_code, epoch, accuracy, duration, prm, transform_code``, followed by lemur's own.
        ``accuracy`` is the score on the test split, 0 to 1, whatever the metric; ``duration`` is in
        nanoseconds since the trial's training started; ``prm`` is a dictionary; the code columns
        are categoricals, missing if the code is unknown. lemur's own are ``validation`` (the
        score that the search uses, 0 to 1), ``loss`` (mean training loss),
        ``validation_loss`` (mean loss on the validation split; NaN if the net does not give it),
        ``scores`` (a dictionary from each other metric to its validation and test scores),
        ``trial`` (unique id),
        ``state`` (of the trial), ``predicted`` (the validation score that an estimator predicted
        for the trial's last epoch, 0 to 1; NaN if there is no prediction) and ``data`` (a short
        name for the dataset's content, ``pets@1f2e3d4c``; missing if the content is unknown).
        Two more columns have to be named in ``columns``: ``error`` and ``validation_error``, the
        errors on test and validation by a metric of which lower values are better; NaN otherwise.
        Wherever rows of one dataset are compared, datasets with the same name and different content
        count as different.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: A column, fact or collection does not exist. A filter on a name that is
            not recorded is not an error: the frame is empty and has all its columns.
        SettingsError: Both ``only_best`` and ``only_best_accuracy`` are given, the arguments that
            keep the best rows contradict each other, or rows cannot be filtered by ``where`` or
            sorted by ``sort``.
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
        by=by,
        per=per,
        top=top,
        sort=sort,
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
    by: str | None = None,
    per: str | None = None,
    top: int | None = None,
    sort: str | Sequence[str] = (),
    ranked: bool = False,
    with_seeds: bool = False,
    without_code: bool = False,
) -> FrameOptions:
    """Return the frame options that these arguments of `data` define.

    Two more arguments make the rows those of `best`: ``ranked`` orders them by task, dataset and
    metric, best first, and ``with_seeds`` adds the columns of equal settings with other seeds.
    ``without_code`` leaves out the columns of source code that are not named in ``columns``.

    Raises:
        SettingsError: The arguments that keep the best rows contradict each other.
        UnknownNameError: There is no such ``per``.
    """
    selection = best_rows(
        only_best=only_best, only_best_accuracy=only_best_accuracy, unique_nn=unique_nn,
        by=by, per=per, top=top,
    )  # fmt: skip
    return FrameOptions(
        best_of=selection.best_of,
        by=selection.by,
        top=top or 1,
        sort=[sort] if isinstance(sort, str) else sort,
        ranked=ranked,
        seeds=with_seeds,
        code=not without_code,
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


def count(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    epoch: int | None = None,
    nn_prefixes: Collection[str] = (),
    *,
    where: Mapping[str, Any] | None = None,
    db: str | Path = DEFAULT_DB,
) -> int:
    """Return the number of rows that `data` returns with these arguments.

    Raises:
        StoreError: The database does not exist or cannot be read.
    """
    filters = filters_of(task, dataset, metric, nn, epoch, nn_prefixes, where)
    query = filters.apply(select(func.count()).select_from(schema.stat))
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: int(connection.execute(query).scalar_one()))


def best(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    *,
    by: str = "validation",
    epoch: int | None = None,
    top: int = 1,
    per: str = "pipeline",
    nn_prefixes: Collection[str] = (),
    where: Mapping[str, Any] | None = None,
    collection: str | None = None,
    max_rows: int | None = None,
    sort: str | Sequence[str] = (),
    columns: Sequence[str] | None = None,
    prm_as_columns: bool = False,
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
        by: Score that ranks: ``validation``, or ``test`` for the highest accuracy and, in a tie,
            the trial that started first.
        epoch: Only this epoch of each trial, so that all are compared after equal training.
        top: Number of trials of each pipeline, each with its best epoch.
        per: What the best epoch is of: each ``pipeline``; each ``dataset`` (task, dataset and
            metric); each ``net`` (task, metric and net, whatever the dataset); each ``user`` (task,
            dataset, metric and user); or each ``trial``.
        nn_prefixes: Only pipelines of nets whose name starts with one of these prefixes.
        where: Required values of hyperparameters, facts and columns, as in `data`.
        collection: Only trials of this collection.
        max_rows: Maximum number of rows for each task, dataset and metric.
        sort: Columns to sort the rows by, as in `data`, instead of best first.
        columns: Return only these columns, as in `data`.
        prm_as_columns: Replace ``prm`` by one column per hyperparameter.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A frame with the columns of `data`, and five more about the trials that differ from the
        row's trial only in their seed, itself included: ``seeds`` (their number; missing if the
        seed is unknown), ``accuracy_mean``, ``accuracy_std``, ``validation_mean`` and
        ``validation_std``. Each of these trials counts with its own best epoch; deviations are
        sample standard deviations, missing for a single seed. Only trials that were trained to
        their last epoch are averaged; the row of another trial counts alone. If lower values of the
        metric of any row are better, the frame also has the columns ``error`` and
        ``validation_error``, and their means and deviations over the seeds: ``error_mean``,
        ``error_std``, ``validation_error_mean`` and ``validation_error_std``.

    Raises:
        StoreError: The database does not exist or cannot be read.
        UnknownNameError: A column, collection or ``per`` does not exist.
        SettingsError: ``by`` or ``top`` is invalid, or rows cannot be sorted by ``sort``.
    """
    filters = filters_of(task, dataset, metric, nn, epoch, nn_prefixes, where, collection)
    options = frame_options(
        by=by, top=top, per=per, max_rows=max_rows, sort=sort, columns=columns,
        prm_as_columns=prm_as_columns, ranked=True, with_seeds=True,
    )  # fmt: skip
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: frame_of(connection, filters, options))


def best_frame(connection: Connection, filters: Filters) -> DataFrame:
    """Return the best epoch of each pipeline among the rows that match the filters, as `best`."""
    options = frame_options(per="pipeline", ranked=True, with_seeds=True)
    return frame_of(connection, filters, options)
