"""Find trials by what people call them: an id, the start of one, a number, ``last`` or ``best``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from lemur_core.errors import AmbiguousTrialError, UnknownNameError
from lemur_core.pattern import Pattern, is_wild
from lemur_core.restriction import NONE, split
from lemur_core.store import schema
from lemur_core.store.ranking import best_first
from lemur_core.store.statements import where_in
from lemur_core.store.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

LAST, BEST = "last", "best"
SHORT = 8
"""Least number of digits of a short id. A number with fewer digits is the number of a trial."""
_PARTS = ("task", "dataset", "metric", "nn")
_SHOWN = 12
_UID_LENGTH = 32


class TrialId(NamedTuple):
    """The id of a trial in its database, and its unique id."""

    id: int
    uid: str


def find_trial(connection: Connection, name: Any, *, only: bool = False) -> TrialId:
    """Return the trial with a name.

    Args:
        connection: Connection to the database.
        name: One of

            - a unique id, or an unambiguous prefix of one;
            - the number of a trial, as ``lemur run`` prints it, if one trial has it. A number with
              eight digits or more is a prefix, and so is one that no trial has;
            - ``last``: the trial that started last;
            - ``best``: the trial with the best epoch, as `lemur_core.store.ranking` ranks,
              if all trials have the same task, dataset and metric;
            - the name of a pipeline: its best trial.
        only: Whether an empty string matches the only trial of the database. Leave it False when
            the trial is to be changed.

    Raises:
        UnknownNameError: No trial has the name; `AmbiguousTrialError` if several have it.
    """
    if only and name == "":
        trial = schema.trial.c
        rows = list(connection.execute(select(trial.id, trial.uid).limit(2)))
        if len(rows) == 1:
            return TrialId(*rows[0])
    return find_trials(connection, [name])[0]


def find_trials(connection: Connection, names: Sequence[Any]) -> list[TrialId]:
    """Return the trial with each name, as `find_trial` does.

    Raises:
        UnknownNameError: A name matches no trial; `AmbiguousTrialError` if it matches several.
    """
    whole = {name for name in names if isinstance(name, str) and len(name) == _UID_LENGTH}
    trials = _by_uid(connection, sorted(whole))
    return [trials.get(name) or _by_name(connection, name) for name in names]


def expanded(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return names for a filter, in which a prefix stands for every trial with it.

    Args:
        connection: Connection to the database.
        names: Names as for `find_trial`.

    Returns:
        A prefix as it is, and for any other name the trial's unique id.

    Raises:
        UnknownNameError: A name matches no trial; `AmbiguousTrialError` if it matches several and
            is no prefix.
    """
    result = []
    for name in names:
        try:
            result.append(find_trial(connection, name).uid)
        except AmbiguousTrialError:
            if name in (LAST, BEST) or is_number(name):
                raise
            result.append(name)
    return result


def matching_trials(
    connection: Connection, names: Sequence[str], *, every: bool = False
) -> list[TrialId]:
    """Return the trials with these names, each once, in the order of the names.

    Args:
        connection: Connection to the database.
        names: Names as for `find_trial`, or patterns of pipelines, as ``lemur run`` takes them:
            ``img-classification_digits`` or ``*_acc_{ResNet,VGG}``. A pattern stands for the best
            trial of each pipeline that has an epoch.
        every: Whether a pipeline or a pattern stands for all trials instead of the best.

    Raises:
        UnknownNameError: A name matches no trial; `AmbiguousTrialError` if it matches several.
        PatternError: A pattern cannot be parsed.
    """
    named = (_named(connection, name, every) for name in names)
    return list(dict.fromkeys(trial for trials in named for trial in trials))


def is_number(name: str) -> bool:
    """Return whether a name can be the number of a trial, and is too short for an id."""
    return name.isascii() and name.isdigit() and len(name) < SHORT


def short_ids(connection: Connection, uids: Sequence[str]) -> dict[str, str]:
    """Return the shortest prefixes, of `SHORT` digits or more, that no other trial's id has.

    Args:
        connection: Connection to the database.
        uids: Unique ids of trials in the database.
    """
    trial, other = schema.trial.c, schema.trial.alias("other").c
    # Ids with a common prefix are neighbours in the order of the index.
    before = select(func.max(other.uid)).where(other.uid < trial.uid).scalar_subquery()
    after = select(func.min(other.uid)).where(other.uid > trial.uid).scalar_subquery()
    return {
        uid: uid[: max(SHORT, 1 + max(_common(uid, neighbour) for neighbour in neighbours))]
        for query in where_in(select(trial.uid, before, after), trial.uid, uids)
        for uid, *neighbours in connection.execute(query)
    }


def trial_labels(connection: Connection, trials: Sequence[TrialId]) -> list[str]:
    """Return what to call each trial in a message: short id, pipeline and number."""
    trial = schema.trial.c
    columns = (trial.id, trial.task, trial.dataset, trial.metric, trial.nn, trial.number)
    rows = {
        row.id: row
        for query in where_in(select(*columns), trial.id, [trial.id for trial in trials])
        for row in connection.execute(query)
    }
    short = short_ids(connection, [trial.uid for trial in trials])
    labels = []
    for trial_id, uid in trials:
        _, *parts, number = rows[trial_id]
        of = "" if number is None else f" trial {number}"
        labels.append(f"{short[uid]} ({'_'.join(parts)}{of})")
    return labels


def _common(uid: str, other: str | None) -> int:
    """Return the length of the common prefix."""
    length = 0
    while other is not None and uid[: length + 1] == other[: length + 1] and length < len(uid):
        length += 1
    return length


def _named(connection: Connection, name: str, every: bool) -> list[TrialId]:
    trial = schema.trial.c
    # Neither ids nor words have one of these signs, or are the name of a task.
    is_several = is_wild(name) or "{" in name
    is_several |= (
        connection.scalar(select(trial.id).where(trial.task == storable(name)).limit(1)) is not None
    )
    parts = name.count("_") + 1
    if not is_several and (parts == 1 or (parts == len(_PARTS) and not every)):
        return [find_trial(connection, name)]
    pipelines = connection.execute(select(*(trial[part] for part in _PARTS)).distinct()).all()
    pattern = Pattern.parse(name)
    chosen = [row for row in pipelines if _matches(pattern, row)]
    if not chosen:
        known = ["_".join(row) for row in pipelines]
        raise UnknownNameError("pipeline", name, known, "none is recorded")
    return [trial for row in chosen for trial in _of_pipeline(connection, row, every)]


def _matches(pattern: Pattern, pipeline: Sequence[str]) -> bool:
    task, dataset, metric, net = pipeline
    # A dataset's restriction is part of its name, but its brackets are no wildcard.
    name, restriction = split(dataset)
    return (
        pattern.matches("task", task)
        and any(wanted in (restriction, NONE) for wanted in pattern.restrictions(name))
        and pattern.also(metric) is not None
        and pattern.matches("net", net)
    )


def _of_pipeline(connection: Connection, pipeline: Sequence[str], every: bool) -> list[TrialId]:
    trial = schema.trial.c
    only = [trial[part] == name for part, name in zip(_PARTS, pipeline, strict=True)]
    if not every:
        return _best_among(connection, only)
    query = select(trial.id, trial.uid).where(*only).order_by(trial.id)
    return [TrialId(*row) for row in connection.execute(query)]


def _by_uid(connection: Connection, uids: Sequence[str]) -> dict[Any, TrialId]:
    trial = schema.trial.c
    queries = where_in(select(trial.id, trial.uid), trial.uid, [storable(uid) for uid in uids])
    return {row.uid: TrialId(*row) for query in queries for row in connection.execute(query)}


def _by_name(connection: Connection, name: Any) -> TrialId:
    matching = _matching(connection, name) if isinstance(name, str) and name else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise AmbiguousTrialError(name, trial_labels(connection, matching[:_SHOWN]), len(matching))
    if name == BEST and connection.scalar(select(schema.trial.c.id).limit(1)) is not None:
        raise UnknownNameError("trial", name, [], "no trial has an epoch")
    latest = short_ids(connection, [uid for _, uid in _latest(connection, _SHOWN)])
    known = [LAST, BEST, *latest.values()] if latest else []
    raise UnknownNameError("trial", str(name), known, "none is recorded")


def _matching(connection: Connection, name: str) -> list[TrialId]:
    trial = schema.trial.c
    query = select(trial.id, trial.uid)
    if name == LAST:
        return _latest(connection, 1)
    if name == BEST:
        return _best(connection)
    if name.count("_") == len(_PARTS) - 1:
        parts = zip(_PARTS, name.split("_"), strict=True)
        return _best_among(connection, [trial[part] == text for part, text in parts])
    if is_number(name):
        numbered = query.where(trial.number == int(name)).order_by(trial.id)
        if rows := list(connection.execute(numbered)):
            return [TrialId(*row) for row in rows]
    has_prefix = trial.uid.startswith(storable(name), autoescape=True)
    rows = list(connection.execute(query.where(has_prefix).order_by(trial.uid)))
    return [TrialId(*row) for row in rows]


def _latest(connection: Connection, count: int) -> list[TrialId]:
    trial = schema.trial.c
    order = (func.coalesce(trial.started, "").desc(), trial.id.desc())
    query = select(trial.id, trial.uid).order_by(*order).limit(count)
    return [TrialId(*row) for row in connection.execute(query)]


def _best(connection: Connection) -> list[TrialId]:
    """Return the best trial of each task, dataset and metric, whose scores are not compared."""
    trial = schema.trial.c
    boards = [trial[part] for part in _PARTS[:-1]]
    best = []
    for board in connection.execute(select(*boards).distinct().order_by(*boards)).all():
        is_on_board = [part == name for part, name in zip(boards, board, strict=True)]
        best += _best_among(connection, is_on_board)
    return best


def _best_among(connection: Connection, only: Sequence[ColumnElement[bool]]) -> list[TrialId]:
    """Return the trial with the best epoch among those that meet conditions, if any has one."""
    trial = schema.trial.c
    query = select(trial.id, trial.uid).join_from(schema.stat, schema.trial).where(*only)
    return [TrialId(*row) for row in connection.execute(query.order_by(*best_first()).limit(1))]
