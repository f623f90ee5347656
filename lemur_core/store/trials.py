"""Find trials by a unique id or its prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from lemur_core.errors import UnknownNameError
from lemur_core.store import schema
from lemur_core.store.statements import where_in
from lemur_core.store.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 12
_UID_LENGTH = 32


class TrialId(NamedTuple):
    """The id of a trial in its database, and its unique id."""

    id: int
    uid: str


def find_trial(connection: Connection, uid: Any, *, only: bool = False) -> TrialId:
    """Return the trial with a unique id, given in full or as an unambiguous prefix.

    Args:
        connection: Connection to the database.
        uid: The unique id, or a prefix of it.
        only: Whether an empty string matches the only trial of the database. Leave it False when
            the trial is to be changed.

    Raises:
        UnknownNameError: No trial matches, or several do.
    """
    if only and uid == "":
        trial = schema.trial.c
        rows = list(connection.execute(select(trial.id, trial.uid).limit(2)))
        if len(rows) == 1:
            return TrialId(*rows[0])
    return find_trials(connection, [uid])[0]


def find_trials(connection: Connection, uids: Sequence[Any]) -> list[TrialId]:
    """Return the trial of each unique id or prefix, as `find_trial` does.

    Raises:
        UnknownNameError: For one of them, no trial matches or several do.
    """
    whole = {uid for uid in uids if isinstance(uid, str) and len(uid) == _UID_LENGTH}
    trials = _by_uid(connection, sorted(whole))
    return [trials.get(uid) or _by_prefix(connection, uid) for uid in uids]


def _by_uid(connection: Connection, uids: Sequence[str]) -> dict[Any, TrialId]:
    trial = schema.trial.c
    queries = where_in(select(trial.id, trial.uid), trial.uid, [storable(uid) for uid in uids])
    return {row.uid: TrialId(*row) for query in queries for row in connection.execute(query)}


def _by_prefix(connection: Connection, uid: Any) -> TrialId:
    trial = schema.trial.c
    query = select(trial.id, trial.uid)
    rows = []
    # The empty string is a prefix of every unique id.
    if isinstance(uid, str) and uid:
        has_prefix = trial.uid.startswith(storable(uid), autoescape=True)
        rows = list(connection.execute(query.where(has_prefix).limit(_SHOWN)))
    if len(rows) != 1:
        latest = query.order_by(trial.id.desc()).limit(_SHOWN)
        candidates = [row.uid for row in rows or connection.execute(latest)]
        raise UnknownNameError("trial", str(uid), candidates, none="none is recorded")
    return TrialId(*rows[0])
