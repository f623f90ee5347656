"""Read results as a DataFrame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, select

from lemur_core.restriction import canonical
from lemur_core.store import schema
from lemur_core.store.database import DEFAULT_DB, open_database
from lemur_core.store.ledger import scores_of
from lemur_core.store.patience import patiently

if TYPE_CHECKING:
    from pandas import DataFrame

_CODE = {"metric_code": schema.metric, "nn_code": schema.nn, "transform_code": schema.transform}
COLUMNS = (
    "task", "dataset", "metric", "metric_code", "nn", "nn_code", "epoch", "accuracy", "duration",
    "prm", "transform_code", "validation", "loss", "scores", "trial", "state",
)  # fmt: skip


def data(
    only_best_accuracy: bool = False,
    task: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    nn: str | None = None,
    epoch: int | None = None,
    max_rows: int | None = None,
    *,
    db: str | Path = DEFAULT_DB,
) -> DataFrame:
    """Return the recorded results, a row per trial and epoch.

    Args:
        only_best_accuracy: Of each task, data set, metric, net and epoch, the row with the highest
            accuracy only.
        task: Rows of this task only; likewise the next four.
        dataset: Name of the data set, with its restriction.
        metric: Name of the metric.
        nn: Name of the net.
        epoch: Number of the epoch, from 1.
        max_rows: At most so many rows.
        db: A database URL, or the path of an SQLite file.

    Returns:
        A frame with LEMUR's columns ``task, dataset, metric, metric_code, nn, nn_code, epoch,
        accuracy, duration, prm, transform_code``, then lemur's own. ``accuracy`` is the score on
        the test split, 0 to 1, whatever the metric; ``duration`` nanoseconds since the trial's
        training began; ``prm`` a dictionary; the code columns are categoricals. Then follow
        ``validation`` (the score that the search sees, 0 to 1), ``loss`` (mean training loss),
        ``scores`` (a dictionary of what other metrics gave, each on validation and on test),
        ``trial`` (its unique id) and ``state`` (of the trial).

    Raises:
        StoreError: There is no such database, or it cannot be read.
    """
    dataset = None if dataset is None else canonical(dataset)
    wanted = {"task": task, "dataset": dataset, "metric": metric, "nn": nn, "epoch": epoch}
    engine = open_database(db, create=False)
    try:
        return patiently(
            engine, lambda found: _frame(found, _query(wanted), only_best_accuracy, max_rows)
        )
    finally:
        engine.dispose()


def _query(wanted: dict[str, Any]) -> Select[Any]:
    trial, stat = schema.trial.c, schema.stat.c
    query = (
        select(
            trial.task, trial.dataset, trial.metric, trial.metric_id.label("metric_code"),
            trial.nn, trial.nn_id.label("nn_code"), stat.epoch, stat.accuracy, stat.duration,
            trial.prm, trial.transform_id.label("transform_code"), stat.validation, stat.loss,
            stat.scores, trial.uid.label("trial"), trial.state,
        )
        .join_from(schema.stat, schema.trial)
        .order_by(trial.id, stat.epoch)
    )  # fmt: skip
    for name, value in wanted.items():
        if value is not None:
            query = query.where((stat if name == "epoch" else trial)[name] == value)
    return query


def _frame(
    connection: Connection, query: Select[Any], only_best: bool, max_rows: int | None
) -> DataFrame:
    import pandas as pd

    frame = pd.DataFrame.from_records(
        [tuple(row) for row in connection.execute(query)], columns=COLUMNS
    )
    if only_best:
        group = ["task", "dataset", "metric", "nn", "epoch"]
        best = frame.sort_values("accuracy", ascending=False, kind="stable").drop_duplicates(group)
        frame = best.sort_index().reset_index(drop=True)
    if max_rows is not None:
        frame = frame.head(max_rows).reset_index(drop=True)
    prms = _prms(connection, set(frame["prm"]))
    # Each row gets a dictionary of its own: changing one must not change another.
    frame["prm"] = [dict(prms[uid]) for uid in frame["prm"]]
    frame["scores"] = [scores_of(text) for text in frame["scores"]]
    for column, table in _CODE.items():
        frame[column] = _codes(connection, table, frame[column])
    return frame


def _prms(connection: Connection, uids: set[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {uid: {} for uid in uids}
    columns = schema.prm.c
    for uid, name, value in connection.execute(select(columns.uid, columns.name, columns.value)):
        if uid in found:
            found[uid][name] = value
    return found


def _codes(connection: Connection, table: Table, ids: Any) -> Any:
    """Return the sources as a categorical, which holds each text once."""
    import pandas as pd

    rows = connection.execute(select(table.c.id, table.c.code))
    code = {row.id: row.code for row in rows}
    texts = list(dict.fromkeys(code[each] for each in ids.unique()))
    place = {text: index for index, text in enumerate(texts)}
    return pd.Categorical.from_codes([place[code[each]] for each in ids], categories=texts)
