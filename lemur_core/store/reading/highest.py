"""The best of all rows that are asked for, by validation or by accuracy alone."""

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

from lemur_core.store import schema
from lemur_core.store.reading import ranking
from lemur_core.store.reading.rows import fetched
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Sequence

By = Literal["validation", "accuracy"]

# Of scores, which are 0 to 1; 10^15 times as many are a whole number of 64 bits.
_MOST_ROUNDED = 9.0
# Puts rounded validation scores above all rounded accuracies.
_ABOVE = 4 * 10**16


def highest(
    connection: Connection,
    query: Select[Any],
    names: Sequence[str],
    best_of: Sequence[str],
    by: By,
) -> list[tuple[Any, ...]]:
    """Return the best rows, by their trials and epochs.

    Args:
        connection: To the database.
        query: Of rows that begin with the id of the trial and the epoch.
        names: What is in a row; ``accuracy`` and, by validation, ``validation`` are.
        best_of: In which columns those that are kept differ.
        by: What is best: ``validation``, as `lemur_core.store.reading.ranking` says, or the highest
            ``accuracy``, of equals the one that was begun first.
    """
    import numpy as np

    group = _groups(connection, [name for name in best_of if name != "epoch"])
    by_epoch = "epoch" in best_of
    hopeful = _hopeful(connection, query, group, by_epoch, by)
    rows = [
        row
        for few in where_in(query, schema.stat.c.trial_id, hopeful)
        for row in fetched(connection, few)
    ]
    trial, epoch, accuracy = (_column(rows, place) for place in (0, 1, names.index("accuracy")))
    differ = _differ(group, trial, epoch, by_epoch)
    if by == "accuracy":
        order = np.lexsort([epoch, trial, -accuracy, differ])
    else:
        validation = _column(rows, names.index("validation"))
        unknown = np.isnan(validation)
        score = np.where(unknown, accuracy, validation)
        order = np.lexsort([trial, -epoch, -score, unknown, differ])
    _, first = np.unique(differ[order], return_index=True)
    best = order[first]
    return [rows[place] for place in best[np.lexsort([epoch[best], trial[best]])].tolist()]


def _hopeful(
    connection: Connection, query: Select[Any], group: Any, by_epoch: bool, by: By
) -> Sequence[int]:
    """Return the ids of the trials that may have one of the best rows.

    A text of whole numbers is read far sooner than rows are; the score is rounded for it, by which
    what is highest stays so, beside others maybe.
    """
    import numpy as np

    stat = schema.stat.c
    if by == "accuracy":
        rounded = _rounded(ranking.accuracy)
    else:
        above = case((ranking.has_validation == 1, literal(_ABOVE, BigInteger)), else_=0)
        rounded = _rounded(ranking.score) + cast(above, BigInteger)
    texts = (_joined(connection, column) for column in (stat.trial_id, stat.epoch, rounded))
    narrowed = query.with_only_columns(*texts, maintain_column_froms=True)
    [found] = fetched(connection, narrowed)
    read = [_numbers(text) for text in found]
    # A campaign may have begun others since it was asked which agree.
    trial, epoch, score = (numbers[read[0] < len(group)] for numbers in read)
    best = _is_highest(_differ(group, trial, epoch, by_epoch), score)
    hopeful: list[int] = np.unique(trial[best]).tolist()
    return hopeful


def _rounded(score: ColumnElement[float]) -> ColumnElement[int]:
    low, high = -_MOST_ROUNDED, _MOST_ROUNDED
    held = case((score < low, low), (score > high, high), else_=score)
    return cast(held * 1e15, BigInteger)


def _differ(group: Any, trial: Any, epoch: Any, by_epoch: bool) -> Any:
    """Return a number for each row, the same for those of which one is kept."""
    differ = group[trial]
    return differ * (epoch.max(initial=0) + 1) + epoch if by_epoch else differ


def _is_highest(differ: Any, score: Any) -> Any:
    """Return whether each score is the highest of those that have its number in ``differ``."""
    import numpy as np

    order = np.argsort(differ, kind="stable")
    begins = np.flatnonzero(np.diff(differ[order], prepend=-1))
    highest = np.maximum.reduceat(score[order], begins) if len(begins) else score
    is_highest = np.empty(len(score), dtype=bool)
    is_highest[order] = score[order] == np.repeat(highest, np.diff(begins, append=len(score)))
    return is_highest


def _column(rows: Sequence[tuple[Any, ...]], place: int) -> Any:
    import numpy as np

    return np.fromiter(map(itemgetter(place), rows), np.float64 if place > 1 else np.int64)


def _groups(connection: Connection, names: Sequence[str]) -> Any:
    """Return a number, int64, by the id of a trial, the same for those that agree in columns."""
    import numpy as np

    trial = schema.trial.c
    # A data set is its content, whatever it is called.
    content = [trial.dataset_id] if "dataset" in names else []
    # An index has them in this order.
    columns = [*(trial[name] for name in names), *content]
    query = select(_joined(connection, trial.id)).group_by(*columns)
    groups = [_numbers(text) for (text,) in fetched(connection, query)]
    number = np.zeros(max((ids.max() for ids in groups), default=0) + 1, dtype=np.int64)
    for group, ids in enumerate(groups):
        number[ids] = group
    return number


def _joined(connection: Connection, column: ColumnElement[int]) -> ColumnElement[str]:
    """Return a column of whole numbers as one text, which `_numbers` reads."""
    if connection.dialect.name == "postgresql":
        return func.string_agg(column.cast(Text), ",")
    return func.group_concat(column)


def _numbers(text: str | None) -> Any:
    import numpy as np

    return np.fromstring(text or "", np.int64, sep=",")
