"""Read results as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.errors import SettingsError
from lemur_core.restriction import canonical
from lemur_core.store.database import DEFAULT_DB, opened
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
    """Return the recorded results, a row per trial and epoch, in the order they were recorded.

    Args:
        only_best_accuracy: Of each task, data set, metric, net and epoch, keep the row with the
            highest accuracy, of equals the one whose trial began first. This is LEMUR's meaning:
            the accuracy is the test score, so what is kept was chosen by the test split.
        task: Rows of this task only; likewise the next four.
        dataset: Name of the data set, with its restriction.
        metric: Name of the metric.
        nn: Name of the net.
        epoch: Number of the epoch, from 1.
        max_rows: At most so many rows.
        nn_prefixes: Rows of nets whose name begins with one of these only.
        unique_nn: Of each net, keep one row: the one with the highest accuracy, or, with
            ``only_best``, the best.
        only_best: Of each task, data set, metric, net and epoch, keep the best row, as ``lemur
            best`` does: the one with the highest validation score, of equals the one whose trial
            began first. Rows without a validation score, as in LEMUR's published results, are
            only kept where no row has one, the highest accuracy of them.
        where: Hyperparameters and columns by what they must be: a value, a list or set of values,
            or a tuple of the least and the greatest, where None sets no bound: ``{"lr": (1e-4,
            None), "batch": [32, 64], "state": "failed"}``. A trial is named by its id or the
            beginning of it. A name that is no column's is that of a hyperparameter or of a fact;
            write ``prm.epochs`` or ``fact.epochs`` where it could be another's.
            Columns that hold dictionaries or code cannot be filtered by.
        with_curves: Add ``curve``: the accuracy of the row's trial at each of its epochs, a
            dictionary.
        with_stats: Add what is known of the row's trial: ``number``, ``seed``, ``epochs`` (asked
            for), ``device``, ``parameters`` (of the net), ``started``, ``ended``, ``reason`` (of a
            failure), ``recipe`` (identity of the code that trained it, beside the net's own),
            ``fingerprint`` (of the data set's content), ``within`` (a dictionary of the
            validation scores within the row's epoch, by how much was trained by then, in epochs),
            ``source`` (where it was taken in from) and ``extra`` (a dictionary of what else its
            record said).
        prm_as_columns: In the place of ``prm``, a column ``prm.lr`` for each hyperparameter.
        columns: These columns only, in this order; ``prm.lr`` is a hyperparameter's, the name of a
            fact the fact's.
        with_facts: Add a column for each fact of the rows, or for the facts of these names. A fact
            of the trial is on each of its rows, one of an epoch on that epoch's row. The column has
            the fact's name, or ``fact.accuracy`` if that is the name of another column.
        collection: Rows of the trials of this collection only, with columns ``role`` and
            ``position``. A trial with several roles has its rows once for each.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A frame of one's own, read at each call, with LEMUR's columns ``task, dataset, metric,
        metric_code, nn, nn_code, epoch, accuracy, duration, prm, transform_code``, then lemur's.
        ``accuracy`` is the score on the test split, 0 to 1, whatever the metric; ``duration``
        nanoseconds since the trial's training began; ``prm`` a dictionary; the code columns are
        categoricals, missing where the code is not known. Then follow ``validation`` (the score
        that the search sees, 0 to 1), ``loss`` (mean training loss), ``scores`` (a dictionary of
        what other metrics gave, each on validation and on test), ``trial`` (its unique id),
        ``state`` (of the trial), ``predicted`` (the validation score that an estimator settled
        on for its last epoch, 0 to 1; NaN where none did) and ``data`` (a short name of the data
        set's content, ``pets@1f2e3d4c``; missing if the content is unknown). Wherever rows of one
        data set are compared, data sets of one name and different content count as different.

    Raises:
        StoreError: There is no such database, or it cannot be read.
        UnknownNameError: There is no such column, fact or collection. A name that rows are filtered
            by and that is not recorded is no error: the frame is empty, with all its columns.
        SettingsError: Both ``only_best`` and ``only_best_accuracy`` are given.
    """
    filters = filters_of(task, dataset, metric, nn, epoch, nn_prefixes, where, collection)
    wanted = wanted_of(
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
    with opened(db) as engine:
        return patiently(engine, lambda connection: frame_of(connection, filters, wanted))


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
    """Return the conditions on rows that these arguments of `data` make.

    Raises:
        SettingsError: Rows cannot be filtered by a column.
    """
    named = None if dataset is None else canonical(dataset)
    return Filters(
        trial={"task": task, "dataset": named, "metric": metric, "nn": nn},
        epoch=epoch,
        nn_prefixes=(nn_prefixes,) if isinstance(nn_prefixes, str) else tuple(nn_prefixes),
        where=where or {},
        collection=collection,
    )


def wanted_of(
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
    """Return which of the rows, and how, these arguments of `data` ask for.

    Raises:
        SettingsError: Both ``only_best`` and ``only_best_accuracy`` are given.
    """
    if only_best and only_best_accuracy:
        raise SettingsError(
            "only_best goes by validation and only_best_accuracy by the test score; give one"
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
    """Return the unique ids of the trials that `data` has no row of, as they have no epoch.

    The arguments are those of `data`.

    Raises:
        StoreError: There is no such database, or it cannot be read.
    """
    filters = filters_of(task, dataset, metric, nn, epoch, nn_prefixes, where, collection)
    query = filters.without_epochs()
    with opened(db) as engine:
        return patiently(engine, lambda connection: list(connection.scalars(query)))


def best(
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    *,
    db: str | Path = DEFAULT_DB,
) -> DataFrame:
    """Return the best epoch of each pipeline, by task, data set and metric, best first.

    The best is the one with the highest validation score, of equals the one that trained longest,
    and of these the one whose trial began first. Epochs without a validation score, as in LEMUR's
    published results, come after all that have one, the highest accuracy first.

    Args:
        task: Pipelines of this task only; likewise the next three.
        dataset: Name of the data set, with its restriction.
        metric: Name of the metric.
        nn: Name of the net.
        db: A database URL, or the path of an SQLite file.

    Raises:
        StoreError: There is no such database, or it cannot be read.
    """
    filters = filters_of(task, dataset, metric, nn)
    with opened(db) as engine:
        return patiently(engine, lambda connection: best_frame(connection, filters))


def best_frame(connection: Connection, filters: Filters) -> DataFrame:
    """Return the best epoch of each pipeline among the rows that filters let through.

    They are in the order that `best` gives.
    """
    parts = ("task", "dataset", "metric", "nn")
    frame = frame_of(connection, filters, FrameOptions(best_of=parts))
    score = frame["validation"].fillna(frame["accuracy"])
    keys = frame[[*parts[:3]]].assign(unknown=frame["validation"].isna(), score=-score)
    # Rows come as their trials began; a stable sort leaves equals in that order.
    return frame.loc[keys.sort_values([*keys], kind="stable").index].reset_index(drop=True)


def _best_of(only_best: bool, unique_nn: bool) -> tuple[str, ...]:
    """Return what the rows to be kept differ in."""
    if unique_nn:
        return ("nn",)
    return ("task", "dataset", "metric", "nn", "epoch") if only_best else ()
