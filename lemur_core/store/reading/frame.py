"""Make a DataFrame of results.

Rows are read as they are, and what repeats (a trial's names, its prm, the sources) once; the frame
is put together column by column.
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

_LEMURS = (
    "task", "dataset", "metric", "metric_code", "nn", "nn_code", "epoch", "accuracy", "duration",
    "prm", "transform_code",
)  # fmt: skip
_OF_STAT = {one.name: field.name for field in fields.EPOCH for one in field.shown}
_OF_TRIAL = {one.name: schema.trial.c[field.name] for field in fields.TRIAL for one in field.shown}
_SHOWN = [one for field in (*fields.EPOCH, *fields.TRIAL) for one in field.shown]
_DTYPES = {"trial_id": "int64", "id": "int64", **{one.name: one.dtype for one in _SHOWN}}
# What is made of what is stored, where that is not what is shown.
_VALUES = {one.name: one.value for one in _SHOWN if one.value is not None}
COLUMNS = (
    *_LEMURS,
    *(one.name for one in _SHOWN if not one.with_stats and one.name not in _LEMURS),
)
CURVE = "curve"
STATS = tuple(
    one.name for field in (*fields.TRIAL, *fields.EPOCH) for one in field.shown if one.with_stats
)
_CODE = {f"{table.name}_code": table for table in (schema.metric, schema.nn, schema.transform)}
_OF_DATA: dict[str, Callable[[str, str], str]] = {
    "data": label,
    "fingerprint": lambda folder, fingerprint: fingerprint,
}
# Columns whose names no fact takes.
_NOT_FACTS = {*COLUMNS, CURVE, *STATS, *ROLES}
# More than so many trials are found sooner among all between the first and the last of them.
_MANY = 2_000


@dataclass(frozen=True)
class FrameOptions:
    """What is asked for of the rows that were found.

    Attributes:
        best_of: Of rows that agree in these columns, only the best is kept; empty keeps all.
        by: What is best, as `lemur_core.store.reading.highest` says.
        max_rows: At most so many rows.
        curves: Whether to add the curve of each row's trial.
        stats: Whether to add what is known of each row's trial.
        prm_as_columns: Whether hyperparameters are columns.
        columns: The columns to return; None returns all.
        facts: Whether to add the facts of each row's trial and epoch: all, or those of these names.
        roles: Whether rows of a collection have the roles and positions of its members.
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
    def known(self) -> list[str]:
        """The columns that there are, facts left out."""
        return [
            *COLUMNS,
            *((CURVE,) if self.curves else ()),
            *(STATS if self.stats else ()),
            *(ROLES if self.roles else ()),
        ]


def frame_of(connection: Connection, filters: Filters, wanted: FrameOptions) -> DataFrame:
    """Return the rows that filters let through.

    Raises:
        UnknownNameError: There is no such column, fact or collection.
    """
    name = filters.collection_name
    wanted = replace(wanted, roles=wanted.roles and name is not None)
    members = None if name is None else collection_id(connection, name)
    columns = _columns(connection, wanted)
    facts = _facts_wanted(connection, wanted, columns)
    with no_search_for_cycles():
        rows = _rows(connection, filters, wanted, columns)
        if wanted.roles and members is not None:
            rows = memberships(connection, members, rows, wanted.max_rows)
        trials = _trials(connection, rows["trial_id"], [*columns, "prm"])
        return _put_together(connection, rows, trials.loc[rows["trial_id"]], columns, wanted, facts)


def is_fact(column: str) -> bool:
    """Return whether a column of results is that of a fact."""
    return column not in _NOT_FACTS and not column.startswith(PRM)


def _columns(connection: Connection, wanted: FrameOptions) -> list[str]:
    if wanted.columns is None:
        return wanted.known
    unknown = [name for name in wanted.columns if name not in wanted.known]
    if unknown:
        names = connection.scalars(select(schema.prm.c.name).distinct())
        known = [*wanted.known, *(f"{PRM}{name}" for name in names)]
        known += map(_fact_column, fact_names(connection))
        for name in unknown:
            if name not in known:
                raise UnknownNameError("column", name, known)
    return list(wanted.columns)


def _fact_column(fact: str) -> str:
    # Whether the others are asked for or not, so that a column means the same in every frame.
    return column_of(fact, _NOT_FACTS)


def _facts_wanted(
    connection: Connection, wanted: FrameOptions, columns: Collection[str]
) -> list[str] | None:
    """Return the names of the facts that are asked for; None is for all that the rows have."""
    if not isinstance(wanted.facts, bool):
        check_facts_known(connection, wanted.facts)
    if wanted.columns is not None:
        # Only then are the facts looked through for their names.
        others = [name for name in columns if is_fact(name)]
        by_column = {_fact_column(name): name for name in fact_names(connection)} if others else {}
        return [by_column[name] for name in others]
    if isinstance(wanted.facts, bool):
        return None if wanted.facts else []
    return list(dict.fromkeys(wanted.facts))


def _rows(
    connection: Connection, filters: Filters, wanted: FrameOptions, columns: Collection[str]
) -> DataFrame:
    """Return those of these columns that `schema.stat` has, and ``trial_id``, epoch by epoch."""
    needed = {"epoch", "accuracy", *columns, *([wanted.by] if wanted.best_of else [])}
    names = [name for name in _OF_STAT if name in needed]
    stat = schema.stat.c
    query = filters.apply(select(stat.trial_id, *(stat[_OF_STAT[name]] for name in names)))
    names = ["trial_id", *names]
    if wanted.max_rows is not None and not wanted.best_of:
        query = query.order_by(stat.trial_id, stat.epoch).limit(wanted.max_rows)
    if wanted.best_of:
        rows = _frame(highest(connection, query, names, wanted.best_of, wanted.by), names)
    else:
        # They come nearly so; a database would take longer than all the rest to see to it.
        rows = _frame(fetched(connection, query), names).sort_values(
            ["trial_id", "epoch"], ignore_index=True
        )
    return rows if wanted.max_rows is None else rows.head(wanted.max_rows)


def _frame(found: Sequence[tuple[Any, ...]], names: Sequence[str]) -> DataFrame:
    import pandas as pd

    # Column by column: what is missing must not make text or whole numbers into reals.
    columns = zip(*found, strict=True) if found else ((),) * len(names)
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
    """Return those of these columns that `schema.trial` has, by the ids of trials."""
    import pandas as pd

    names = [name for name in _OF_TRIAL if name in columns]
    trial = schema.trial.c
    query = select(trial.id, *(_OF_TRIAL[name] for name in names))
    wanted = ids.unique().tolist()
    if len(wanted) > _MANY:
        queries: Iterable[Select[Any]] = [query.where(trial.id.between(min(wanted), max(wanted)))]
    else:
        queries = where_in(query, trial.id, wanted)
    frames = [_frame(fetched(connection, each), ["id", *names]) for each in queries]
    return pd.concat(frames).set_index("id")


def _put_together(
    connection: Connection,
    rows: DataFrame,
    trials: DataFrame,
    columns: Sequence[str],
    wanted: FrameOptions,
    facts: Sequence[str] | None,
) -> DataFrame:
    import pandas as pd

    made: dict[str, Any] = {}
    found = fact_series(connection, rows["trial_id"], rows["epoch"], facts)
    shown = {_fact_column(name): values for name, values in found.items()}
    for name in columns:
        if name == "prm":
            made |= _prm(connection, trials["prm"], wanted.prm_as_columns)
        elif name.startswith(PRM):
            made |= _prm(connection, trials["prm"], True, [name.removeprefix(PRM)])
        elif name in _CODE:
            made[name] = _codes(connection, _CODE[name], trials[name])
        elif name in _VALUES:
            column = rows[name] if name in rows else trials[name]
            made[name] = list(map(_VALUES[name], column.tolist()))
        elif name == "source":
            made[name] = _sources(connection, rows[name])
        elif name in _OF_DATA:
            made[name] = _of_datasets(connection, trials[name], _OF_DATA[name])
        elif name == CURVE:
            made[name] = _curves(connection, rows["trial_id"])
        else:
            made[name] = _plain_column(name, shown, rows, trials)
    if wanted.columns is None:
        made |= shown
    return pd.DataFrame(made, index=rows.index)


def _plain_column(
    name: str, facts: Mapping[str, Series], rows: DataFrame, trials: DataFrame
) -> Any:
    if name in facts:
        return facts[name]
    return rows[name] if name in rows else trials[name].array


def _prm(
    connection: Connection, uids: Series, as_columns: bool, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return hyperparameters, of all names or of some, in one column or in one for each."""
    prms = read_prms(connection, uids.unique().tolist())
    # Each row gets a dictionary of its own: changing one must not change another.
    if not as_columns:
        return {"prm": [prms[uid].copy() for uid in uids.tolist()]}
    if names is None:
        names = sorted({name for prm in prms.values() for name in prm})
    return {
        f"{PRM}{name}": plain_series([prms[uid].get(name) for uid in uids.tolist()])
        for name in names
    }


def read_prms(connection: Connection, uids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return hyperparameters by their uids."""
    prm = schema.prm.c
    text = prm.value.cast(Text)
    # A text for each uid is read far sooner than a row for each value.
    if connection.dialect.name == "postgresql":
        joined = func.string_agg(func.to_json(prm.name).cast(Text).concat(":").concat(text), ",")
    else:
        joined = func.group_concat(func.json_quote(prm.name).concat(":").concat(text), ",")
    query = select(prm.uid, joined).group_by(prm.uid)
    found: dict[str, dict[str, Any]] = {uid: {} for uid in uids}
    for each in where_in(query, prm.uid, uids):
        for uid, members in connection.execute(each):
            found[uid] = json.loads(f"{{{members}}}")
    return found


def _codes(connection: Connection, table: Table, ids: Series) -> Any:
    """Return the sources as a categorical, which holds each text once."""
    import numpy as np
    import pandas as pd

    places, used = ids.factorize()
    named = read_codes(connection, table, used.tolist())
    code = {each: one.code.text for each, one in named.items()}
    texts = list(dict.fromkeys(code[each] for each in used))
    of_id = np.array([*(texts.index(code[each]) for each in used), -1])
    return pd.Categorical.from_codes(of_id[places], categories=texts)


def _sources(connection: Connection, ids: Series) -> list[str | None]:
    source = schema.source.c
    names = {row.id: row.place for row in connection.execute(select(source.id, source.place))}
    return [names.get(each) for each in ids]


def _of_datasets(connection: Connection, ids: Series, value: Callable[[str, str], str]) -> Any:
    import pandas as pd

    places, used = ids.factorize()
    names = read_names(connection, used.tolist())
    # The last is for trials whose data is unknown.
    values = [*(value(*names[each]) for each in used), None]
    return pd.array([values[place] for place in places.tolist()], dtype="str")


def _curves(connection: Connection, ids: Series) -> list[dict[int, float]]:
    stat = schema.stat.c
    found: dict[int, dict[int, float]] = {}
    query = select(stat.trial_id, stat.epoch, stat.accuracy).order_by(stat.trial_id, stat.epoch)
    for each in where_in(query, stat.trial_id, ids.unique().tolist()):
        for trial_id, epoch, accuracy in connection.execute(each):
            found.setdefault(trial_id, {})[epoch] = accuracy
    return [dict(found[each]) for each in ids]
