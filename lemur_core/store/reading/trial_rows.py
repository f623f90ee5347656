"""Trials as rows of a table: each with its best epoch, its tags and its note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, func, select

from lemur_core.errors import UnknownNameError
from lemur_core.fact import WHOLE_TRIAL
from lemur_core.store import schema
from lemur_core.store.facts import read_facts
from lemur_core.store.ranking import best_first
from lemur_core.store.reading.facts import fact_names
from lemur_core.store.reading.filters import PRM, TRIAL_COLUMNS
from lemur_core.store.reading.frame import read_prms
from lemur_core.store.reading.metric_errors import ERRORS, read_errors
from lemur_core.store.statements import where_in
from lemur_core.store.trials import short_ids
from lemur_core.tags import NOTE, TAG, tags_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.store.reading.filters import Filters

_OF_TRIAL = tuple(TRIAL_COLUMNS)
_OF_BEST = ("validation", "accuracy", "epoch")
COLUMNS = (
    "id", "pipeline", *_OF_TRIAL, *_OF_BEST, *ERRORS, "trained", "seconds", "prm", "tags", NOTE,
)  # fmt: skip
"""The columns that every trial has; hyperparameters and facts are further ones."""
Row = dict[str, Any]


def trial_rows(
    connection: Connection, filters: Filters, limit: int | None = None
) -> tuple[list[Row], int]:
    """Return the trials that match the filters, the one that started last at the end.

    Args:
        connection: Connection to the database.
        filters: The filters.
        limit: How many trials to return, the newest; None returns all.

    Returns:
        A dictionary for each trial, and the number of trials that match. Its keys are `COLUMNS`.
        ``id`` is the short id, ``trial`` the whole one; ``validation`` and ``accuracy`` are the
        scores of the best epoch, whose number is ``epoch``, ``validation_error`` and ``error``
        its errors if the metric gives errors, ``trained`` the number of recorded
        epochs, ``epochs`` that of requested ones, and ``seconds`` the duration of the training;
        ``facts`` holds the other facts of the trial. Unknown values are None.
    """
    trial = schema.trial.c
    columns = [TRIAL_COLUMNS[name].label(name) for name in _OF_TRIAL]
    order = (func.coalesce(trial.started, "").desc(), trial.id.desc())
    query = select(trial.id.label("row"), trial.prm.label("prm_uid"), *columns)
    trials = connection.execute(query.where(*filters.trials()).order_by(*order)).mappings().all()
    rows = [dict(row) for row in reversed(trials[:limit])]
    _add_epochs(connection, rows)
    _add_facts(connection, rows)
    short = short_ids(connection, [row["trial"] for row in rows])
    prms = read_prms(connection, list({row["prm_uid"] for row in rows}))
    for row in rows:
        parts = (row[part] for part in ("task", "dataset", "metric", "nn"))
        row |= {"id": short[row["trial"]], "pipeline": "_".join(parts)}
        row["prm"] = prms[row.pop("prm_uid")]
        del row["row"]
    return [{name: row[name] for name in (*COLUMNS, "facts")} for row in rows], len(trials)


def check_columns(connection: Connection, names: Sequence[str]) -> None:
    """Raise `UnknownNameError` if a name is no column, and no hyperparameter or fact of a trial."""
    prms = set(connection.scalars(select(schema.prm.c.name).distinct()))
    known = {*COLUMNS, *prms, *(f"{PRM}{name}" for name in prms), *fact_names(connection)}
    for name in names:
        if name not in known:
            raise UnknownNameError("column", name, known)


def value_of(row: Row, name: str) -> Any:
    """Return a trial's value of a column, hyperparameter or fact; None if it has none."""
    if name in row:
        return row[name]
    prm = row["prm"].get(name.removeprefix(PRM))
    return row["facts"].get(name) if prm is None and not name.startswith(PRM) else prm


def _add_epochs(connection: Connection, rows: list[Row]) -> None:
    stat = schema.stat.c
    rank = func.row_number().over(partition_by=stat.trial_id, order_by=best_first())
    query: Select[Any] = select(
        stat.trial_id, stat.validation, stat.accuracy, stat.epoch, rank.label("rank"),
        func.count().over(partition_by=stat.trial_id).label("trained"),
        func.max(stat.duration).over(partition_by=stat.trial_id).label("duration"),
    ).join_from(schema.stat, schema.trial)  # fmt: skip
    best: dict[int, Row] = {}
    for part in where_in(query, stat.trial_id, [row["row"] for row in rows]):
        ranked = part.subquery()
        for row_of_best in connection.execute(select(ranked).where(ranked.c.rank == 1)).mappings():
            best[row_of_best["trial_id"]] = dict(row_of_best)
    for row in rows:
        epoch = best.get(row["row"], {})
        row |= {name: epoch.get(name) for name in _OF_BEST}
        row["trained"] = epoch.get("trained", 0)
        duration = epoch.get("duration")
        row["seconds"] = None if duration is None else duration / 1e9
    _add_errors(connection, rows)


def _add_errors(connection: Connection, rows: list[Row]) -> None:
    metrics = {(row["row"], row["epoch"]): row["metric"] for row in rows if row["trained"]}
    errors = read_errors(connection, metrics)
    for row in rows:
        of_best = errors.get((row["row"], row["epoch"]))
        values = (None, None) if of_best is None else (of_best.test, of_best.validation)
        row |= dict(zip(ERRORS, values, strict=True))


def _add_facts(connection: Connection, rows: list[Row]) -> None:
    facts_by_trial = read_facts(connection, [row["row"] for row in rows])
    for row in rows:
        facts = facts_by_trial.get(row["row"], {}).get(WHOLE_TRIAL, {})
        tags = tags_of(facts)
        row |= {"tags": tags, NOTE: facts.get(NOTE)}
        own = {NOTE, *(f"{TAG}.{tag}" for tag in tags)}
        row["facts"] = {name: value for name, value in facts.items() if name not in own}
