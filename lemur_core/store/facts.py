"""Facts: named values of a trial or of one of its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from lemur_core.errors import FactError
from lemur_core.fact import WHOLE_TRIAL, check_own_facts
from lemur_core.store import schema
from lemur_core.store.database import DEFAULT_DB, open_engine
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
    """Record facts of a trial or of one of its epochs, in one transaction.

    Values are stored exactly: integers of any size, every bit of a float, any string. A fact that
    is already recorded with the same value is left unchanged; 1 and 1.0 are different values.

    Args:
        uid: The trial's unique id, an unambiguous prefix of it, or another of its names, see
            `lemur_core.store.trials.find_trial`.
        facts: Values by name. A value is None, a bool, a number, a string, or lists and
            dictionaries of these, at most 64 KiB as JSON; scalars of NumPy and PyTorch are
            converted to Python's. A name has up to 200 characters. By convention, a prefix says who
            recorded the fact, for example ``edge.latency_ms``.
        epoch: Number of the epoch, from 1; None for the trial as a whole.
        db: A database URL, or the path of an SQLite file.
        replace: Whether to overwrite facts that are recorded with another value.

    Raises:
        FactError: A name or value cannot be stored, the epoch does not exist, or a fact is already
            recorded with another value.
        UnknownNameError: No trial matches ``uid``, or several do.
        StoreError: The database does not exist or cannot be written.
    """
    checked, number = check_own_facts(facts), check_epoch(epoch)

    def write(connection: Connection) -> None:
        trial = find_trial(connection, uid)
        write_facts(connection, trial.id, number, checked, replace=replace)

    with open_engine(db) as engine:
        patiently(engine, write)


def check_epoch(epoch: Any) -> int:
    """Check and return the number of an epoch; None becomes `WHOLE_TRIAL`.

    Raises:
        FactError: It is not an integer of at least 1.
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
        connection: Connection to the database, in a transaction that is rolled back on error.
        trial_id: Id of the trial.
        epoch: Number of the epoch, or `WHOLE_TRIAL`.
        facts: Values by name.
        replace: Whether to overwrite facts that are recorded with another value.

    Returns:
        Whether anything was written.

    Raises:
        FactError: The epoch does not exist, a fact is already recorded with another value, or a
            fact of this name exists for an epoch and would also exist for the whole trial, or vice
            versa.
    """
    if not facts:
        return False
    _check_epoch_exists(connection, trial_id, epoch)
    added, different = _insert_missing(connection, trial_id, epoch, facts)
    for name in different:
        fact = schema.fact.c
        if not replace:
            raise FactError(
                f"fact {name!r} {_level_of(epoch)} is recorded already with another value"
            )
        condition = (fact.trial_id == trial_id, fact.epoch == epoch, fact.name == name)
        connection.execute(schema.fact.update().where(*condition).values(value=facts[name]))
    _check_levels(connection, trial_id, epoch, facts)
    return added or bool(different)


def _insert_missing(
    connection: Connection, trial_id: int, epoch: int, facts: Mapping[str, Any]
) -> tuple[bool, list[str]]:
    """Insert missing facts; return whether there were any, and the names of facts that differ."""
    rows = [
        {"trial_id": trial_id, "epoch": epoch, "name": name, "value": value}
        for name, value in facts.items()
    ]
    insert = insert_once(connection.dialect, schema.fact)
    added = connection.execute(insert, rows).rowcount > 0
    fact = schema.fact.c
    query = select(fact.name, fact.value).where(fact.trial_id == trial_id, fact.epoch == epoch)
    recorded = {row.name: row.value for row in connection.execute(query)}
    text = schema.JsonText.text
    return added, [name for name, value in facts.items() if text(recorded[name]) != text(value)]


def read_facts(
    connection: Connection, trial_ids: Sequence[int]
) -> dict[int, dict[int, dict[str, Any]]]:
    """Return the facts of trials: values by trial id, epoch and name."""
    fact = schema.fact.c
    facts: dict[int, dict[int, dict[str, Any]]] = {}
    ordered = select(schema.fact).order_by(fact.trial_id, fact.epoch, fact.name)
    for query in where_in(ordered, fact.trial_id, trial_ids):
        for trial_id, epoch, name, value in connection.execute(query):
            facts.setdefault(trial_id, {}).setdefault(epoch, {})[name] = value
    return facts


def _check_epoch_exists(connection: Connection, trial_id: int, epoch: int) -> None:
    stat = schema.stat.c
    query = select(stat.epoch).where(stat.trial_id == trial_id)
    if epoch == WHOLE_TRIAL:
        return
    if epoch >= 2**31 or connection.scalar(query.where(stat.epoch == epoch)) is None:
        last = connection.scalar(select(func.max(stat.epoch)).where(stat.trial_id == trial_id))
        known = "it has none" if last is None else f"its last is {last}"
        uid = connection.scalar(select(schema.trial.c.uid).where(schema.trial.c.id == trial_id))
        raise FactError(f"trial {str(uid)[:8]} has no epoch {epoch}; {known}")


def _check_levels(
    connection: Connection, trial_id: int, epoch: int, facts: Mapping[str, Any]
) -> None:
    """Check that no fact is recorded for both the trial and an epoch: a table has one column."""
    fact = schema.fact.c
    other = fact.epoch != WHOLE_TRIAL if epoch == WHOLE_TRIAL else fact.epoch == WHOLE_TRIAL
    query = select(fact.name).where(fact.trial_id == trial_id, other).distinct()
    for name in sorted(facts.keys() & set(connection.scalars(query))):
        level = "of its epochs" if epoch == WHOLE_TRIAL else "of the trial as a whole"
        raise FactError(f"fact {name!r} is recorded {level} already; choose another name")


def _level_of(epoch: int) -> str:
    return "of the trial" if epoch == WHOLE_TRIAL else f"of epoch {epoch}"
