"""Facts: named values of a trial, or of one of its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from lemur_core.errors import FactError
from lemur_core.fact import WHOLE_TRIAL, check_facts
from lemur_core.store import schema
from lemur_core.store.database import DEFAULT_DB, opened
from lemur_core.store.patience import patiently
from lemur_core.store.statements import insert_once, where_in
from lemur_core.store.trials import find_trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def record(
    uid: str,
    facts: Mapping[str, Any],
    epoch: int | None = None,
    *,
    db: str | Path = DEFAULT_DB,
    replace: bool = False,
) -> None:
    """Attach named values to a trial, or to one of its epochs; all of them or none.

    Values are kept exactly: whole numbers of any size, every bit of a float, any text. A fact that
    is recorded already with the same value stays as it is; 1 and 1.0 are different values.

    Args:
        uid: The trial's unique id, or a beginning of it that no other has.
        facts: Values by name. A value is None, a bool, a number, a text, or lists and dictionaries
            of these, at most 64 KiB as JSON; scalars of NumPy and PyTorch become Python's. A name
            has up to 200 characters; a prefix tells who recorded it, ``edge.latency_ms``.
        epoch: Number of the epoch, from 1; None is for the trial as a whole.
        db: A database URL, or the path of an SQLite file.
        replace: Write over values that are recorded already.

    Raises:
        FactError: A name or value cannot be kept, there is no such epoch, or a fact is recorded
            already with another value.
        UnknownNameError: There is no such trial, or several begin so.
        StoreError: There is no such database, or it cannot be written.
    """
    checked, number = check_facts(facts), check_epoch(epoch)

    def write(connection: Connection) -> None:
        trial = find_trial(connection, uid)
        write_facts(connection, trial.id, number, checked, replace=replace)

    with opened(db) as engine:
        patiently(engine, write)


def check_epoch(epoch: Any) -> int:
    """Return the number of an epoch, `WHOLE_TRIAL` for None.

    Raises:
        FactError: It is no whole number from 1.
    """
    if epoch is None:
        return WHOLE_TRIAL
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 1:
        raise FactError(f"epoch {epoch!r}: expected the number of an epoch, from 1")
    return epoch


def write_facts(
    connection: Connection,
    trial_id: int,
    epoch: int,
    facts: Mapping[str, Any],
    *,
    replace: bool = False,
) -> bool:
    """Write facts that `lemur_core.fact.check_facts` returned.

    Args:
        connection: To the database, in a transaction that an error undoes.
        trial_id: Whose they are.
        epoch: Of which epoch; `WHOLE_TRIAL` is for the trial as a whole.
        facts: Values by name.
        replace: Write over values that are recorded already.

    Returns:
        Whether any was not there.

    Raises:
        FactError: There is no such epoch, or a fact is recorded already with another value, or
            of the trial as a whole where it is to be an epoch's, or the other way round.
    """
    if not facts:
        return False
    _check_recorded(connection, trial_id, epoch)
    added, others = _enter(connection, trial_id, epoch, facts)
    for name in others:
        fact = schema.fact.c
        if not replace:
            raise FactError(f"fact {name!r} {_where(epoch)} is recorded already with another value")
        same = (fact.trial_id == trial_id, fact.epoch == epoch, fact.name == name)
        connection.execute(schema.fact.update().where(*same).values(value=facts[name]))
    _check_levels(connection, trial_id, epoch, facts)
    return added or bool(others)


def _enter(
    connection: Connection, trial_id: int, epoch: int, facts: Mapping[str, Any]
) -> tuple[bool, list[str]]:
    """Write facts that are not there; return whether there were any, and which ones differ."""
    rows = [
        {"trial_id": trial_id, "epoch": epoch, "name": name, "value": value}
        for name, value in facts.items()
    ]
    insert = insert_once(connection.dialect, schema.fact)
    added = connection.execute(insert, rows).rowcount > 0
    fact = schema.fact.c
    query = select(fact.name, fact.value).where(fact.trial_id == trial_id, fact.epoch == epoch)
    there = {row.name: row.value for row in connection.execute(query)}
    text = schema.JsonText.text
    return added, [name for name, value in facts.items() if text(there[name]) != text(value)]


def read_facts(
    connection: Connection, trial_ids: Sequence[int]
) -> dict[int, dict[int, dict[str, Any]]]:
    """Return the facts of trials: values by trial, epoch and name."""
    fact = schema.fact.c
    found: dict[int, dict[int, dict[str, Any]]] = {}
    ordered = select(schema.fact).order_by(fact.trial_id, fact.epoch, fact.name)
    for query in where_in(ordered, fact.trial_id, trial_ids):
        for trial_id, epoch, name, value in connection.execute(query):
            found.setdefault(trial_id, {}).setdefault(epoch, {})[name] = value
    return found


def _check_recorded(connection: Connection, trial_id: int, epoch: int) -> None:
    stat = schema.stat.c
    query = select(stat.epoch).where(stat.trial_id == trial_id)
    if epoch == WHOLE_TRIAL:
        return
    if epoch >= 2**31 or connection.scalar(query.where(stat.epoch == epoch)) is None:
        last = connection.scalar(select(func.max(stat.epoch)).where(stat.trial_id == trial_id))
        there = "it has none" if last is None else f"its last is {last}"
        uid = connection.scalar(select(schema.trial.c.uid).where(schema.trial.c.id == trial_id))
        raise FactError(f"trial {str(uid)[:8]} has no epoch {epoch}; {there}")


def _check_levels(
    connection: Connection, trial_id: int, epoch: int, facts: Mapping[str, Any]
) -> None:
    """See that no name is of a trial and of its epochs: a table could not show both."""
    fact = schema.fact.c
    other = fact.epoch != WHOLE_TRIAL if epoch == WHOLE_TRIAL else fact.epoch == WHOLE_TRIAL
    query = select(fact.name).where(fact.trial_id == trial_id, other).distinct()
    for name in sorted(facts.keys() & set(connection.scalars(query))):
        where = "of its epochs" if epoch == WHOLE_TRIAL else "of the trial as a whole"
        raise FactError(f"fact {name!r} is recorded {where} already; choose another name")


def _where(epoch: int) -> str:
    return "of the trial" if epoch == WHOLE_TRIAL else f"of epoch {epoch}"
