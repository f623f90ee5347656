"""Build a DataFrame of results.

Values that many rows share (the names and hyperparameters of a trial, sources) are read once; the
frame is assembled column by column.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, Table, Text, func, select

from lemur_core.dataset import label
from lemur_core.errors import UnknownNameError
from lemur_core.store import fields, schema
from lemur_core.store.code import read_codes
from lemur_core.store.collections import collection_id
from lemur_core.store.cycles import no_search_for_cycles
from lemur_core.store.datasets import read_names
from lemur_core.store.reading.collected import ROLES, memberships
from lemur_core.store.reading.columns import plain_series
from lemur_core.store.reading.facts import check_facts_known, column_of, fact_names, fact_series
from lemur_core.store.reading.filters import PRM, Filters
from lemur_core.store.reading.highest import By, highest
from lemur_core.store.reading.rows import fetched
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pandas import DataFrame, Series

_LEMUR_COLUMNS = (
    "task", "dataset", "metric", "metric_code", "nn", "nn_code", "epoch", "accuracy", "duration",
    "prm", "transform_code",
)  # fmt: skip
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
COLUMNS = (
    *_LEMUR_COLUMNS,
    *(
        column.name
        for column in _SHOWN_COLUMNS
        if not column.with_stats and column.name not in _LEMUR_COLUMNS
    ),
)
CURVE = "curve"
STATS = tuple(
    column.name
    for field in (*fields.TRIAL, *fields.EPOCH)
    for column in field.shown
    if column.with_stats
)
_CODE = {f"{table.name}_code": table for table in (schema.metric, schema.nn, schema.transform)}
_DATASET_VALUES: dict[str, Callable[[str, str], str]] = {
    "data": label,
    "fingerprint": lambda folder, fingerprint: fingerprint,
}
# Names of columns that no fact's column may have.
_RESERVED_NAMES = {*COLUMNS, CURVE, *STATS, *ROLES}
# For more trials than this, a query for all ids between the first and the last one is faster.
_MANY_TRIALS = 2_000


@dataclass(frozen=True)
class FrameOptions:
    """How to select and present the rows that match the filters.

    Attributes:
        best_of: Keep only the best of the rows that agree in these columns; empty keeps all rows.
        by: Criterion for the best row, see `lemur_core.store.reading.highest`.
        max_rows: Maximum number of rows; None for no limit.
        curves: Whether to add the learning curve of each row's trial.
        stats: Whether to add the recorded details of each row's trial.
        prm_as_columns: Whether to give each hyperparameter its own column.
        columns: The columns to return; None returns all.
        facts: Whether to add the facts of each row's trial and epoch, or the names of the facts to
            add.
        roles: Whether to add the roles and positions of members if rows are of a collection.
    """

    best_of: Sequence[str] = ()
    by: By = "validation"
    max_rows: int | None = None
    curves: bool = False
    stats: bool = False
    prm_as_columns: bool = False
    columns: Sequence[str] | None = None
    facts: bool | Sequence[str] = False
    roles: bool = False

    @property
    def available(self) -> list[str]:
        """Names of the available columns, without facts."""
        return [
            *COLUMNS,
            *((CURVE,) if self.curves else ()),
            *(STATS if self.stats else ()),
            *(ROLES if self.roles else ()),
        ]


def frame_of(connection: Connection, filters: Filters, options: FrameOptions) -> DataFrame:
    """Return the rows that match the filters.

    Raises:
        UnknownNameError: There is no such column, fact or collection.
    """
    name = filters.collection_name
    options = replace(options, roles=options.roles and name is not None)
    members = None if name is None else collection_id(connection, name)
    columns = _columns(connection, options)
    facts = _requested_facts(connection, options, columns)
    with no_search_for_cycles():
        rows = _rows(connection, filters, options, columns)
        if options.roles and members is not None:
            rows = memberships(connection, members, rows, options.max_rows)
        trials = _trials(connection, rows["trial_id"], [*columns, "prm"])
        return _assemble(connection, rows, trials.loc[rows["trial_id"]], columns, options, facts)


def is_fact(column: str) -> bool:
    """Return whether a column of results shows a fact."""
    return column not in _RESERVED_NAMES and not column.startswith(PRM)


def _columns(connection: Connection, options: FrameOptions) -> list[str]:
    if options.columns is None:
        return options.available
    # Details of trials need no further argument if they are named.
    plain = {*options.available, *STATS}
    unknown = [name for name in options.columns if name not in plain]
    if unknown:
        names = connection.scalars(select(schema.prm.c.name).distinct())
        available = [*plain, *(f"{PRM}{name}" for name in names)]
        available += map(_fact_column, fact_names(connection))
        for name in unknown:
            if name not in available:
                raise UnknownNameError("column", name, available)
    return list(options.columns)


def _fact_column(fact: str) -> str:
    # Independent of which columns are requested, so that a name means the same in every frame.
    return column_of(fact, _RESERVED_NAMES)


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
    if options.max_rows is not None and not options.best_of:
        query = query.order_by(stat.trial_id, stat.epoch).limit(options.max_rows)
    if options.best_of:
        rows = _frame(highest(connection, query, names, options.best_of, options.by), names)
    else:
        # The rows are almost sorted already; sorting them in the database would take far longer.
        rows = _frame(fetched(connection, query), names).sort_values(
            ["trial_id", "epoch"], ignore_index=True
        )
    return rows if options.max_rows is None else rows.head(options.max_rows)


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
    for name in columns:
        if name == "prm":
            values |= _prm(connection, trials["prm"], options.prm_as_columns)
        elif name.startswith(PRM):
            values |= _prm(connection, trials["prm"], True, [name.removeprefix(PRM)])
        elif name in _CODE:
            values[name] = _codes(connection, _CODE[name], trials[name])
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
