"""Select the best rows by validation score or by accuracy alone."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    select,
)

from lemur_core.store import ranking, schema
from lemur_core.store.reading.rows import fetched
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Sequence

By = Literal["validation", "accuracy"]

# Scores are 0 to 1; anything up to this limit times 10^15 fits in a 64-bit integer.
_LARGEST_ROUNDED = 9.0
# Added to rounded validation scores to rank them above all rounded accuracies.
_VALIDATION_OFFSET = 4 * 10**16


def highest(
    connection: Connection,
    query: Select[Any],
    names: Sequence[str],
    best_of: Sequence[str],
    by: By,
    top: int = 1,
) -> list[tuple[Any, ...]]:
    """Return the best rows, ordered by trial and epoch.

    Args:
        connection: Connection to the database.
        query: Query for rows that start with the trial id and the epoch.
        names: Names of the columns of a row; they include ``accuracy`` and, if ``by`` is
            ``validation``, ``validation``.
        best_of: Columns that define the groups of rows of which the best is kept; ``trial`` puts
            the rows of each trial in a group.
        by: Criterion: ``validation`` ranks as `lemur_core.store.ranking` does;
            ``accuracy`` takes the highest accuracy and, in a tie, the trial that started first.
        top: Number of rows to keep of each group; they are of different trials.
    """
    import numpy as np

    group_by_trial = _groups(connection, [name for name in best_of if name != "epoch"])
    by_epoch = "epoch" in best_of
    if top == 1:
        candidates = _candidates(connection, query, group_by_trial, by_epoch, by)
        chunks = [*where_in(query, schema.stat.c.trial_id, candidates)]
    else:
        chunks = [query]
    rows = [row for chunk in chunks for row in fetched(connection, chunk)]
    # A campaign may have added trials since the groups were read.
    rows = [row for row in rows if row[0] < len(group_by_trial)]
    trial, epoch, accuracy = (_column(rows, index) for index in (0, 1, names.index("accuracy")))
    group_of_row = _group_numbers(group_by_trial, trial, epoch, by_epoch)
    if by == "accuracy":
        order = np.lexsort([epoch, trial, -accuracy, group_of_row])
    else:
        validation = _column(rows, names.index("validation"))
        unknown = np.isnan(validation)
        score = np.where(unknown, accuracy, validation)
        order = np.lexsort([trial, -epoch, -score, unknown, group_of_row])
    best = order[_first_trials(group_of_row[order], trial[order], top)]
    return [rows[index] for index in best[np.lexsort([epoch[best], trial[best]])].tolist()]


def _first_trials(group_of_row: Any, trial: Any, top: int) -> Any:
    """Return the indices of the first row of each of the first ``top`` trials of each group.

    Args:
        group_of_row: Group of each row, in ascending order.
        trial: Trial id of each row.
        top: Number of trials.
    """
    import numpy as np

    if top == 1:
        return np.unique(group_of_row, return_index=True)[1]
    pairs = np.stack([group_of_row, trial])
    first = np.sort(np.unique(pairs, axis=1, return_index=True)[1])
    _, starts, counts = np.unique(group_of_row[first], return_index=True, return_counts=True)
    return first[np.arange(len(first)) - np.repeat(starts, counts) < top]


def _candidates(
    connection: Connection, query: Select[Any], group_by_trial: Any, by_epoch: bool, by: By
) -> Sequence[int]:
    """Return the ids of the trials that may have one of the best rows.

    Reading integers as one text is far faster than reading rows. Scores are rounded for it; the
    highest score remains among the highest, possibly tied with others.
    """
    import numpy as np

    stat = schema.stat.c
    if by == "accuracy":
        rounded = _rounded(ranking.accuracy)
    else:
        offset = case(
            (ranking.has_validation == 1, literal(_VALIDATION_OFFSET, BigInteger)), else_=0
        )
        rounded = _rounded(ranking.score) + cast(offset, BigInteger)
    joined_columns = (
        _joined(connection, column) for column in (stat.trial_id, stat.epoch, rounded)
    )
    narrowed = query.with_only_columns(*joined_columns, maintain_column_froms=True)
    [texts] = fetched(connection, narrowed)
    row_columns = [_numbers(text) for text in texts]
    # A campaign may have added trials since the groups were read.
    trial, epoch, score = (numbers[row_columns[0] < len(group_by_trial)] for numbers in row_columns)
    best = _is_highest(_group_numbers(group_by_trial, trial, epoch, by_epoch), score)
    candidates: list[int] = np.unique(trial[best]).tolist()
    return candidates


def _rounded(score: ColumnElement[float]) -> ColumnElement[int]:
    low, high = -_LARGEST_ROUNDED, _LARGEST_ROUNDED
    clipped = case((score < low, low), (score > high, high), else_=score)
    return cast(clipped * 1e15, BigInteger)


def _group_numbers(group_by_trial: Any, trial: Any, epoch: Any, by_epoch: bool) -> Any:
    """Return the group of each row as a number; one row is kept per group."""
    group_of_row = group_by_trial[trial]
    return group_of_row * (epoch.max(initial=0) + 1) + epoch if by_epoch else group_of_row


def _is_highest(group_of_row: Any, score: Any) -> Any:
    """Return whether each score is the highest of its group in ``group_of_row``."""
    import numpy as np

    order = np.argsort(group_of_row, kind="stable")
    starts = np.flatnonzero(np.diff(group_of_row[order], prepend=-1))
    highest_of_group = np.maximum.reduceat(score[order], starts) if len(starts) else score
    is_highest = np.empty(len(score), dtype=bool)
    is_highest[order] = score[order] == np.repeat(
        highest_of_group, np.diff(starts, append=len(score))
    )
    return is_highest


def _column(rows: Sequence[tuple[Any, ...]], index: int) -> Any:
    import numpy as np

    return np.fromiter(map(itemgetter(index), rows), np.float64 if index > 1 else np.int64)


def _groups(connection: Connection, names: Sequence[str]) -> Any:
    """Return an int64 array that maps a trial id to the group of trials that agree in columns."""
    import numpy as np

    trial = schema.trial.c
    if "trial" in names:
        last = connection.scalar(select(func.max(trial.id)))
        return np.arange((last or 0) + 1)
    # A dataset is identified by its content, whatever its name is.
    content = [trial.dataset_id] if "dataset" in names else []
    # The order of an index.
    columns = [*(trial[name] for name in names), *content]
    query = select(_joined(connection, trial.id)).group_by(*columns)
    groups = [_numbers(text) for (text,) in fetched(connection, query)]
    group_by_trial = np.zeros(max((ids.max() for ids in groups), default=0) + 1, dtype=np.int64)
    for group, ids in enumerate(groups):
        group_by_trial[ids] = group
    return group_by_trial


def _joined(connection: Connection, column: ColumnElement[int]) -> ColumnElement[str]:
    """Return an integer column joined into one text, which `_numbers` parses."""
    if connection.dialect.name == "postgresql":
        return func.string_agg(column.cast(Text), ",")
    return func.group_concat(column)


def _numbers(text: str | None) -> Any:
    import numpy as np

    return np.fromstring(text or "", np.int64, sep=",")
