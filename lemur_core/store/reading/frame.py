"""Build a DataFrame of results.

Values that many rows share (the names and hyperparameters of a trial, sources) are read once; the
frame is assembled column by column.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, Text, func, select

from lemur_core.dataset import label
from lemur_core.errors import UnknownNameError
from lemur_core.garbage import collection_paused
from lemur_core.store import fields, schema
from lemur_core.store.code import read_codes
from lemur_core.store.collections import collection_id
from lemur_core.store.datasets import read_names
from lemur_core.store.reading.collected import memberships
from lemur_core.store.reading.columns import plain_series
from lemur_core.store.reading.facts import check_facts_known, column_of, fact_names, fact_series
from lemur_core.store.reading.filters import PRM, Filters
from lemur_core.store.reading.frame_options import (
    CODE,
    CURVE,
    RESERVED_NAMES,
    FrameOptions,
    is_fact,
)
from lemur_core.store.reading.highest import highest
from lemur_core.store.reading.metric_errors import ERRORS, error_columns
from lemur_core.store.reading.order import best_first, in_order
from lemur_core.store.reading.rows import fetched
from lemur_core.store.reading.seeds import seed_columns
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pandas import DataFrame, Series

_STAT_COLUMNS = {column.name: field.name for field in fields.EPOCH for column in field.shown}
_TRIAL_COLUMNS = {
    column.name: schema.trial.c[field.name] for field in fields.TRIAL for column in field.shown
}
_SHOWN_COLUMNS = [column for field in (*fields.EPOCH, *fields.TRIAL) for column in field.shown]
_DTYPES = {
    "trial_id": "int64",
    "id": "int64",
    **{column.name: column.dtype for column in _SHOWN_COLUMNS},
}
# Functions that convert stored values to shown values, for the columns that need it.
_CONVERSIONS = {column.name: column.value for column in _SHOWN_COLUMNS if column.value is not None}
_DATASET_VALUES: dict[str, Callable[[str, str], str]] = {
    "data": label,
    "fingerprint": lambda folder, fingerprint: fingerprint,
}
_BOARD = ("task", "dataset", "metric")
_RANKED_BY = (*_BOARD, "validation", "accuracy")
# For more trials than this, a query for all ids between the first and the last one is faster.
_MANY_TRIALS = 2_000


def frame_of(connection: Connection, filters: Filters, options: FrameOptions) -> DataFrame:
    """Return the rows that match the filters.

    Raises:
        UnknownNameError: There is no such column, fact or collection.
    """
    name = filters.collection_name
    options = replace(options, roles=options.roles and name is not None)
    members = None if name is None else collection_id(connection, name)
    names = _columns(connection, options, options.columns)
    keys = _columns(connection, options, [key.removeprefix("-") for key in options.sort])
    columns = list(names.values())
    needed = [*columns, *keys.values(), *_RANKED_BY] if options.reordered else columns
    facts = _requested_facts(connection, options, columns)
    with collection_paused():
        rows = _rows(connection, filters, options, needed)
        max_rows = None if options.reordered else options.max_rows
        if options.roles and members is not None:
            rows = memberships(connection, members, rows, max_rows)
        trials = _trials(connection, rows["trial_id"], [*needed, "prm", *_read_with(needed)])
        if options.reordered:
            rows = _reordered(connection, rows, trials, options, keys)
        if options.seeds:
            rows = rows.assign(**seed_columns(connection, filters, rows["trial_id"], options.by))
        of_rows = trials.loc[rows["trial_id"]]
        frame = _assemble(connection, rows, of_rows, columns, options, facts)
        empty = [name for name in options.dropped if name in frame and frame[name].isna().all()]
        frame = frame.drop(columns=empty)
        return frame.rename(columns={column: name for name, column in names.items()})


def _columns(
    connection: Connection, options: FrameOptions, names: Sequence[str] | None
) -> dict[str, str]:
    """Return the column of each name.

    A hyperparameter may be given without its prefix if neither a column nor a fact has its name.

    Args:
        connection: Connection to the database.
        options: The options of the frame.
        names: The names; None for those of the columns that are returned by default.

    Raises:
        UnknownNameError: There is no such column, fact or hyperparameter.
    """
    names = options.available if names is None else names
    columns = {name: name for name in names}
    if not all(name in options.selectable for name in names):
        prms = list(connection.scalars(select(schema.prm.c.name).distinct()))
        available = [*options.selectable, *map(_fact_column, fact_names(connection))]
        known = {*available, *(f"{PRM}{name}" for name in prms)}
        for name in names:
            if name not in known and (name not in prms or name in RESERVED_NAMES):
                shown = known if name.startswith(PRM) else {*available, *prms}
                raise UnknownNameError("column", name, shown)
            columns[name] = name if name in known else f"{PRM}{name}"
    return columns


def _reordered(
    connection: Connection,
    rows: DataFrame,
    trials: DataFrame,
    options: FrameOptions,
    keys: Mapping[str, str],
) -> DataFrame:
    """Return the rows in the requested order, up to the maximum number."""
    columns = [*dict.fromkeys([*_RANKED_BY, *keys.values()])]
    facts = _requested_facts(connection, replace(options, facts=False, columns=columns), columns)
    of_rows = trials.loc[rows["trial_id"]]
    frame = _assemble(
        connection, rows, of_rows, columns, replace(options, columns=columns), facts
    )  # fmt: skip
    if options.ranked:
        frame = frame.loc[best_first(frame, options.by)]
    if options.sort:
        # The key `-lr` sorts by the column of `lr`, in descending order.
        directions = [key.startswith("-") for key in options.sort]
        frame = frame.loc[in_order(frame, zip(keys.values(), directions, strict=True))]
    if options.max_rows is not None:
        boards = frame.groupby([*_BOARD], sort=False) if options.ranked else frame
        frame = boards.head(options.max_rows)
    return rows.loc[frame.index].reset_index(drop=True)


def _fact_column(fact: str) -> str:
    # Independent of which columns are requested, so that a name means the same in every frame.
    return column_of(fact, RESERVED_NAMES)


def _requested_facts(
    connection: Connection, options: FrameOptions, columns: Collection[str]
) -> list[str] | None:
    """Return the names of the requested facts; None for all facts that the rows have."""
    if not isinstance(options.facts, bool):
        check_facts_known(connection, options.facts)
    if options.columns is not None:
        # Fact names are only read if a requested column can be a fact.
        fact_columns = [name for name in columns if is_fact(name)]
        by_column = (
            {_fact_column(name): name for name in fact_names(connection)} if fact_columns else {}
        )
        return [by_column[name] for name in fact_columns]
    if isinstance(options.facts, bool):
        return None if options.facts else []
    return list(dict.fromkeys(options.facts))


def _rows(
    connection: Connection, filters: Filters, options: FrameOptions, columns: Collection[str]
) -> DataFrame:
    """Return the columns of `schema.stat` among these and ``trial_id``, by trial and epoch."""
    needed = {"epoch", "accuracy", *columns, *([options.by] if options.best_of else [])}
    names = [name for name in _STAT_COLUMNS if name in needed]
    stat = schema.stat.c
    query = filters.apply(select(stat.trial_id, *(stat[_STAT_COLUMNS[name]] for name in names)))
    names = ["trial_id", *names]
    max_rows = None if options.reordered else options.max_rows
    if max_rows is not None and not options.best_of:
        query = query.order_by(stat.trial_id, stat.epoch).limit(max_rows)
    if options.best_of:
        best = highest(connection, query, names, options.best_of, options.by, options.top)
        rows = _frame(best, names)
    else:
        # The rows are almost sorted already; sorting them in the database would take far longer.
        rows = _frame(fetched(connection, query), names).sort_values(
            ["trial_id", "epoch"], ignore_index=True
        )
    return rows if max_rows is None else rows.head(max_rows)


def _frame(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> DataFrame:
    import pandas as pd

    # Column by column, so that missing values do not turn text or integers into floats.
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pd.DataFrame(
        {
            name: _series(column, _DTYPES.get(name, object))
            for name, column in zip(names, columns, strict=True)
        }
    )


def _series(column: Sequence[Any], dtype: Any) -> Series:
    import numpy as np
    import pandas as pd

    if dtype != "Int64":
        return pd.Series(column, dtype=dtype)
    missing = np.array([value is None for value in column], dtype=bool)
    values = np.fromiter((value or 0 for value in column), np.int64, len(column))
    return pd.Series(pd.arrays.IntegerArray(values, missing))


def _trials(connection: Connection, ids: Series, columns: Collection[str]) -> DataFrame:
    """Return the columns of `schema.trial` among these, indexed by trial id."""
    import pandas as pd

    names = [name for name in _TRIAL_COLUMNS if name in columns]
    trial = schema.trial.c
    query = select(trial.id, *(_TRIAL_COLUMNS[name] for name in names))
    trial_ids = ids.unique().tolist()
    if len(trial_ids) > _MANY_TRIALS:
        queries: Iterable[Select[Any]] = [
            query.where(trial.id.between(min(trial_ids), max(trial_ids)))
        ]
    else:
        queries = where_in(query, trial.id, trial_ids)
    frames = [_frame(fetched(connection, part), ["id", *names]) for part in queries]
    return pd.concat(frames).set_index("id")


def _assemble(
    connection: Connection,
    rows: DataFrame,
    trials: DataFrame,
    columns: Sequence[str],
    options: FrameOptions,
    facts: Sequence[str] | None,
) -> DataFrame:
    import pandas as pd

    values: dict[str, Any] = {}
    facts_by_name = fact_series(connection, rows["trial_id"], rows["epoch"], facts)
    fact_columns = {_fact_column(name): series for name, series in facts_by_name.items()}
    rows = _with_errors(connection, rows, trials, columns)
    for name in columns:
        if name == "prm":
            values |= _prm(connection, trials["prm"], options.prm_as_columns)
        elif name.startswith(PRM):
            values |= _prm(connection, trials["prm"], True, [name.removeprefix(PRM)])
        elif name in CODE:
            values[name] = _codes(connection, CODE[name], trials[name])
        elif name in _CONVERSIONS:
            column = rows[name] if name in rows else trials[name]
            values[name] = list(map(_CONVERSIONS[name], column.tolist()))
        elif name == "source":
            values[name] = _sources(connection, rows[name])
        elif name in _DATASET_VALUES:
            values[name] = _dataset_values(connection, trials[name], _DATASET_VALUES[name])
        elif name == CURVE:
            values[name] = _curves(connection, rows["trial_id"])
        else:
            values[name] = _plain_column(name, fact_columns, rows, trials)
    if options.columns is None:
        values |= fact_columns
    return pd.DataFrame(values, index=rows.index)


def _read_with(columns: Collection[str]) -> tuple[str, ...]:
    """Return the columns of trials that other columns are computed from."""
    return ("metric",) if set(ERRORS).intersection(columns) else ()


def _with_errors(
    connection: Connection, rows: DataFrame, trials: DataFrame, columns: Sequence[str]
) -> DataFrame:
    """Return rows with the columns of errors, if these are among the requested columns."""
    if not set(ERRORS).intersection(columns):
        return rows
    keys = (rows["trial_id"].tolist(), rows["epoch"].tolist(), trials["metric"].tolist())
    errors = error_columns(connection, *keys)
    return rows.assign(**{name: column.array for name, column in errors.items()})


def _plain_column(
    name: str, facts: Mapping[str, Series], rows: DataFrame, trials: DataFrame
) -> Any:
    if name in facts:
        return facts[name]
    return rows[name] if name in rows else trials[name].array


def _prm(
    connection: Connection, uids: Series, as_columns: bool, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return all or some hyperparameters, in one column of dictionaries or a column per name."""
    prms = read_prms(connection, uids.unique().tolist())
    # Each row gets its own dictionary: changing one must not change another.
    if not as_columns:
        return {"prm": [prms[uid].copy() for uid in uids.tolist()]}
    if names is None:
        names = sorted({name for prm in prms.values() for name in prm})
    return {
        f"{PRM}{name}": plain_series([prms[uid].get(name) for uid in uids.tolist()])
        for name in names
    }


def read_prms(connection: Connection, uids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the hyperparameters of each uid."""
    prm = schema.prm.c
    text = prm.value.cast(Text)
    # Reading one text per uid is far faster than reading one row per value.
    if connection.dialect.name == "postgresql":
        joined = func.string_agg(func.to_json(prm.name).cast(Text).concat(":").concat(text), ",")
    else:
        joined = func.group_concat(func.json_quote(prm.name).concat(":").concat(text), ",")
    query = select(prm.uid, joined).group_by(prm.uid)
    prms: dict[str, dict[str, Any]] = {uid: {} for uid in uids}
    for chunk in where_in(query, prm.uid, uids):
        for uid, members in connection.execute(chunk):
            prms[uid] = json.loads(f"{{{members}}}")
    return prms


def _codes(connection: Connection, table: Table, ids: Series) -> Any:
    """Return the source codes as a categorical, which holds each text once."""
    import numpy as np
    import pandas as pd

    indices, used = ids.factorize()
    codes_by_id = read_codes(connection, table, used.tolist())
    code = {code_id: named_code.code.text for code_id, named_code in codes_by_id.items()}
    texts = list(dict.fromkeys(code[code_id] for code_id in used))
    text_index = np.array([*(texts.index(code[code_id]) for code_id in used), -1])
    return pd.Categorical.from_codes(text_index[indices], categories=texts)


def _sources(connection: Connection, ids: Series) -> list[str | None]:
    source = schema.source.c
    names = {row.id: row.place for row in connection.execute(select(source.id, source.place))}
    return [names.get(source_id) for source_id in ids]


def _dataset_values(connection: Connection, ids: Series, value: Callable[[str, str], str]) -> Any:
    import pandas as pd

    indices, used = ids.factorize()
    names = read_names(connection, used.tolist())
    # The last value is for trials whose data is unknown.
    values = [*(value(*names[dataset_id]) for dataset_id in used), None]
    return pd.array([values[index] for index in indices.tolist()], dtype="str")


def _curves(connection: Connection, ids: Series) -> list[dict[int, float]]:
    stat = schema.stat.c
    curves: dict[int, dict[int, float]] = {}
    query = select(stat.trial_id, stat.epoch, stat.accuracy).order_by(stat.trial_id, stat.epoch)
    for chunk in where_in(query, stat.trial_id, ids.unique().tolist()):
        for trial_id, epoch, accuracy in connection.execute(chunk):
            curves.setdefault(trial_id, {})[epoch] = accuracy
    return [dict(curves[trial_id]) for trial_id in ids]
