"""Read everything attached to trials: facts, artefacts and collections."""

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

# Trials per transaction.
_TRIALS_PER_BATCH = 1_000


class TrialFacts(NamedTuple):
    """The facts of a trial.

    Attributes:
        trial: Unique id of the trial.
        epochs: Epoch to the values by name; epoch 0 is the trial as a whole.
    """

    trial: str
    epochs: dict[int, dict[str, Any]]

    def without(self, name: str) -> TrialFacts:
        """Return the facts without the one with a name."""
        return TrialFacts(
            self.trial,
            {
                epoch: {other: value for other, value in facts.items() if other != name}
                for epoch, facts in self.epochs.items()
            },
        )

    def each(self) -> Iterator[tuple[int, str, Any]]:
        """Yield the epoch, name and value of each fact."""
        for epoch, values in self.epochs.items():
            for name, value in values.items():
                yield epoch, name, value


@dataclass(frozen=True)
class Attachments:
    """Facts, artefacts and collections of trials.

    Attributes:
        facts: Facts of each trial that has any, read from the database during iteration.
        artefacts: Artefacts, read from the database during iteration; their files may be missing.
        collections: Collections, oldest first.
    """

    facts: Iterable[TrialFacts]
    artefacts: Iterable[Artefact]
    collections: Iterable[Collection]


def read_attached(engine: Engine, trials: Sequence[str] | None = None) -> Attachments:
    """Return everything attached to trials of a database.

    Args:
        engine: The database.
        trials: Unique ids of the trials; None for all. It does not filter the collections, which
            are returned whole.
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
    """Return the attachments without those of some trials."""
    return Attachments(
        (facts for facts in attached.facts if facts.trial not in trials),
        (artefact for artefact in attached.artefacts if artefact.trial not in trials),
        [
            replace(
                collection,
                members=tuple(
                    member for member in collection.members if member.trial not in trials
                ),
            )
            for collection in attached.collections
        ],
    )


def _facts(engine: Engine, trials: Sequence[str] | None) -> Iterator[TrialFacts]:
    for uids in _batches(engine, schema.fact, trials):
        facts = patiently(engine, partial(read_facts, trial_ids=[*uids]))
        yield from (TrialFacts(uids[trial_id], epochs) for trial_id, epochs in facts.items())


def _artefacts(engine: Engine, trials: Sequence[str] | None) -> Iterator[Artefact]:
    for uids in _batches(engine, schema.artefact, trials):
        yield from patiently(engine, partial(read_artefacts, trial_ids=[*uids]))


def _batches(engine: Engine, table: Any, trials: Sequence[str] | None) -> Iterator[dict[int, str]]:
    """Yield batches of the trials that have rows in a table, as id to unique id."""
    trial = schema.trial.c
    query = select(trial.id, trial.uid).where(trial.id.in_(select(table.c.trial_id)))

    def read(connection: Connection) -> list[tuple[int, str]]:
        queries = [query] if trials is None else where_in(query, trial.uid, trials)
        return [(row.id, row.uid) for part in queries for row in connection.execute(part)]

    ids = sorted(patiently(engine, read))
    for start in range(0, len(ids), _TRIALS_PER_BATCH):
        yield dict(ids[start : start + _TRIALS_PER_BATCH])
