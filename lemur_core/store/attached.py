"""All that is attached to trials: facts, artefacts and collections, read from a database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from lemur_core.store import schema
from lemur_core.store.artefacts import Artefact, read_artefacts
from lemur_core.store.collections import Collection, read_collections
from lemur_core.store.facts import read_facts
from lemur_core.store.patience import patiently
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

# Trials in one transaction.
_AT_ONCE = 1_000


class TrialFacts(NamedTuple):
    """The facts of a trial.

    Attributes:
        trial: Its unique id.
        epochs: Values by name, by epoch; 0 stands for the trial as a whole.
    """

    trial: str
    epochs: dict[int, dict[str, Any]]

    def each(self) -> Iterator[tuple[int, str, Any]]:
        """Yield the epoch, name and value of each fact."""
        for epoch, values in self.epochs.items():
            for name, value in values.items():
                yield epoch, name, value


@dataclass(frozen=True)
class Attachments:
    """What is attached to trials.

    Attributes:
        facts: Of each trial that has any; read while they are gone through.
        artefacts: Likewise; the files need not be there.
        collections: Collections, oldest first.
    """

    facts: Iterable[TrialFacts]
    artefacts: Iterable[Artefact]
    collections: Iterable[Collection]


def read_attached(engine: Engine, trials: Sequence[str] | None = None) -> Attachments:
    """Return what is attached to the trials of a database.

    Args:
        engine: The database.
        trials: Unique ids of the trials; None is for all. Of collections, all members are given.
    """
    return Attachments(
        _facts(engine, trials), _artefacts(engine, trials), patiently(engine, read_collections)
    )


def attached_trials(connection: Connection) -> set[int]:
    """Return the ids of the trials that have facts or artefacts, or are members of collections."""
    tables = (schema.fact, schema.artefact, schema.member)
    return {
        trial_id
        for table in tables
        for trial_id in connection.scalars(select(table.c.trial_id).distinct())
    }


def without(attached: Attachments, trials: Container[str]) -> Attachments:
    """Return what is attached to other trials than these."""
    return Attachments(
        (one for one in attached.facts if one.trial not in trials),
        (one for one in attached.artefacts if one.trial not in trials),
        [
            replace(one, members=tuple(each for each in one.members if each.trial not in trials))
            for one in attached.collections
        ],
    )


def _facts(engine: Engine, trials: Sequence[str] | None) -> Iterator[TrialFacts]:
    for uids in _chunks(engine, schema.fact, trials):
        found = patiently(engine, partial(read_facts, trial_ids=[*uids]))
        yield from (TrialFacts(uids[trial_id], epochs) for trial_id, epochs in found.items())


def _artefacts(engine: Engine, trials: Sequence[str] | None) -> Iterator[Artefact]:
    for uids in _chunks(engine, schema.artefact, trials):
        yield from patiently(engine, partial(read_artefacts, trial_ids=[*uids]))


def _chunks(engine: Engine, table: Any, trials: Sequence[str] | None) -> Iterator[dict[int, str]]:
    """Yield the unique ids of trials that a table has rows of, by id, some at a time."""
    trial = schema.trial.c
    query = select(trial.id, trial.uid).where(trial.id.in_(select(table.c.trial_id)))

    def read(connection: Connection) -> list[tuple[int, str]]:
        queries = [query] if trials is None else where_in(query, trial.uid, trials)
        return [(row.id, row.uid) for each in queries for row in connection.execute(each)]

    found = sorted(patiently(engine, read))
    for start in range(0, len(found), _AT_ONCE):
        yield dict(found[start : start + _AT_ONCE])
