"""Find the trial that a user names."""

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
    """A trial's id in its database, and its unique id."""

    id: int
    uid: str


def find_trial(connection: Connection, uid: Any, *, only: bool = False) -> TrialId:
    """Return the trial with this unique id, or whose unique id alone begins so.

    Args:
        connection: To the database.
        uid: The unique id, or its beginning.
        only: Whether an empty text stands for the only trial there is, which is no way to name one
            that is written to.

    Raises:
        UnknownNameError: There is none, or there are several.
    """
    if only and uid == "":
        trial = schema.trial.c
        rows = list(connection.execute(select(trial.id, trial.uid).limit(2)))
        if len(rows) == 1:
            return TrialId(*rows[0])
    return find_trials(connection, [uid])[0]


def find_trials(connection: Connection, uids: Sequence[Any]) -> list[TrialId]:
    """Return the trial of each unique id, as `find_trial` does.

    Raises:
        UnknownNameError: There is none of one of them, or there are several.
    """
    whole = {uid for uid in uids if isinstance(uid, str) and len(uid) == _UID_LENGTH}
    known = _whole(connection, sorted(whole))
    return [known.get(uid) or _beginning(connection, uid) for uid in uids]


def _whole(connection: Connection, uids: Sequence[str]) -> dict[Any, TrialId]:
    trial = schema.trial.c
    queries = where_in(select(trial.id, trial.uid), trial.uid, [storable(uid) for uid in uids])
    return {row.uid: TrialId(*row) for query in queries for row in connection.execute(query)}


def _beginning(connection: Connection, uid: Any) -> TrialId:
    trial = schema.trial.c
    query = select(trial.id, trial.uid)
    rows = []
    # Every unique id begins with nothing.
    if isinstance(uid, str) and uid:
        begins = trial.uid.startswith(storable(uid), autoescape=True)
        rows = list(connection.execute(query.where(begins).limit(_SHOWN)))
    if len(rows) != 1:
        latest = query.order_by(trial.id.desc()).limit(_SHOWN)
        known = [row.uid for row in rows or connection.execute(latest)]
        raise UnknownNameError("trial", str(uid), known, none="none is recorded")
    return TrialId(*rows[0])
