"""Import facts, artefacts and collections; importing them again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from lemur_core.errors import ArtefactError, FactError, LemurError
from lemur_core.fact import WHOLE_TRIAL, check_facts
from lemur_core.kinds.importer import Fault
from lemur_core.naming import check_name
from lemur_core.store import schema
from lemur_core.store.artefacts import Artefact, check_artefact_name, fault_of, keep, read_artefacts
from lemur_core.store.collections import Collection, add_members, canonical_text
from lemur_core.store.facts import read_facts
from lemur_core.store.patience import patiently
from lemur_core.store.statements import insert_once, where_in
from lemur_core.store.trials import TrialId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lemur_core.store.attached import Attachments, TrialFacts

# Number of trials per transaction.
_TRIALS_AT_ONCE = 500


@dataclass
class AttachedImport:
    """The result of importing facts, artefacts and collections.

    Attributes:
        facts: Number of facts added.
        artefacts: Number of artefacts added.
        collections: Number of collections added.
        members: Number of members of collections added.
        notes: A line for anything else that was done, for example a renamed collection.
        faults: What could not be imported, with its place.
    """

    facts: int = 0
    artefacts: int = 0
    collections: int = 0
    members: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def import_attached(engine: Engine, attached: Attachments) -> AttachedImport:
    """Write facts, artefacts and collections of trials that are in a database.

    Existing values are left unchanged; a value that differs from the existing one is a fault.

    Args:
        engine: The database.
        attached: The facts, artefacts and collections to write.
    """
    result = AttachedImport()
    facts = iter(attached.facts)
    while chunk := list(islice(facts, _TRIALS_AT_ONCE)):
        added, faults = patiently(engine, partial(_import_facts, chunk=chunk))
        result.facts += added
        result.faults += faults
    _import_artefacts(engine, attached, result)
    for collection in attached.collections:
        patiently(engine, partial(_import_collection, collection=collection)).add_to(result)
    return result


def _import_facts(connection: Connection, chunk: Sequence[TrialFacts]) -> tuple[int, list[Fault]]:
    ids = _ids(connection, [facts_of_trial.trial for facts_of_trial in chunk])
    recorded = read_facts(connection, list(ids.values()))
    epochs = _epochs(connection, list(ids.values()))
    rows: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for facts_of_trial in chunk:
        trial_id = ids.get(facts_of_trial.trial)
        trial_facts = {} if trial_id is None else recorded.setdefault(trial_id, {})
        for epoch, name, value in facts_of_trial.each():
            try:
                if trial_id is None:
                    raise FactError("the trial does not exist")
                if epoch != WHOLE_TRIAL and epoch not in epochs.get(trial_id, ()):
                    raise FactError(f"epoch {epoch} is not recorded")
                new_facts = _new_fact(name, value, epoch, trial_facts)
            except FactError as error:
                faults.append(Fault(f"fact {name!r} of trial {facts_of_trial.trial}", str(error)))
                continue
            trial_facts.setdefault(epoch, {}).update(new_facts)
            rows += [
                {"trial_id": trial_id, "epoch": epoch, "name": name, "value": value}
                for name, value in new_facts.items()
            ]
    if rows:
        connection.execute(insert_once(connection.dialect, schema.fact), rows)
    return len(rows), faults


def _new_fact(
    name: Any, value: Any, epoch: int, recorded: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a fact as it is stored; an empty dictionary if it is already recorded.

    Raises:
        FactError: The fact cannot be stored, or differs from the recorded one.
    """
    checked = check_facts({name: value})
    if name in recorded.get(epoch, {}):
        if schema.JsonText.text(recorded[epoch][name]) != schema.JsonText.text(checked[name]):
            raise FactError(f"is already recorded with another value, {recorded[epoch][name]!r}")
        return {}
    for other in recorded:
        if (other == WHOLE_TRIAL) != (epoch == WHOLE_TRIAL) and name in recorded[other]:
            scope = "the trial as a whole" if other == WHOLE_TRIAL else "its epochs"
            raise FactError(f"is already recorded for {scope}")
    return checked


def _import_artefacts(engine: Engine, attached: Attachments, result: AttachedImport) -> None:
    for artefact in attached.artefacts:
        place = f"artefact {artefact.name!r} of trial {artefact.trial}"
        try:
            check_artefact_name(artefact.name)
            check_name("kind of artefact", artefact.kind, ArtefactError)
            trial_id = patiently(engine, partial(_ids, uids=[artefact.trial])).get(artefact.trial)
            if trial_id is None:
                raise ArtefactError("the trial does not exist")
            if not _is_stored(engine, trial_id, artefact):
                if fault := fault_of(artefact):
                    raise ArtefactError(fault)
                trial = TrialId(trial_id, artefact.trial)
                keep(
                    engine,
                    trial,
                    artefact.path,
                    artefact.name,
                    artefact.kind,
                    expected=artefact.sha256,
                )
                result.artefacts += 1
        except LemurError as error:
            result.faults.append(Fault(place, str(error)))


def _is_stored(engine: Engine, trial_id: int, artefact: Artefact) -> bool:
    stored = patiently(engine, partial(read_artefacts, trial_ids=[trial_id]))
    key = (artefact.name, artefact.kind, artefact.sha256)
    return key in [(other.name, other.kind, other.sha256) for other in stored]


def _import_collection(connection: Connection, collection: Collection) -> _CollectionImport:
    collection_import = _CollectionImport(connection, collection)
    collection_import.write()
    return collection_import


class _CollectionImport:
    """Imports one collection into a database."""

    def __init__(self, connection: Connection, collection: Collection) -> None:
        self._connection, self._collection = connection, collection
        self._notes: list[str] = []
        self._faults: list[Fault] = []
        self._added = self._members = 0

    def write(self) -> None:
        """Write the collection and its members."""
        row = self._existing_row() or self._added_row()
        roles: dict[str, list[str]] = {}
        for role, _, uid in sorted(self._collection.members):
            roles.setdefault(role, []).append(uid)
        for role, uids in roles.items():
            ids = _ids(self._connection, uids)
            known_ids = [ids[uid] for uid in uids if uid in ids]
            self._members += add_members(self._connection, row.id, role, known_ids)
            self._faults += [
                Fault(f"collection {self._collection.name!r}", f"trial {uid} does not exist")
                for uid in uids
                if uid not in ids
            ]

    def add_to(self, result: AttachedImport) -> None:
        """Add the result to a report."""
        result.collections += self._added
        result.members += self._members
        result.notes += self._notes
        result.faults += self._faults

    def _existing_row(self) -> Any:
        """Return the row of the same collection; None if there is none."""
        collection, columns = self._collection, schema.collection.c
        query = select(schema.collection)
        row = self._connection.execute(query.where(columns.uid == collection.uid)).first()
        if row is not None:
            return row
        row = self._connection.execute(query.where(columns.name == collection.name)).first()
        if row is None or (row.kind, row.spec) != (
            collection.kind,
            canonical_text(collection.spec),
        ):
            return None
        if row.provenance != canonical_text(collection.provenance):
            self._notes.append(
                f"collection {collection.name!r} was merged into the existing one with the same "
                "name, kind and spec, which keeps its provenance"
            )
        return row

    def _added_row(self) -> Any:
        collection, columns = self._collection, schema.collection.c
        name = next(self._free_names())
        row = {
            "uid": collection.uid,
            "name": name,
            "kind": collection.kind,
            "spec": canonical_text(collection.spec),
            "provenance": canonical_text(collection.provenance),
            "created": collection.created,
        }
        self._connection.execute(schema.collection.insert().values(row))
        self._added = 1
        if name != collection.name:
            self._notes.append(
                f"collection {collection.name!r} was imported as {name!r}, because another "
                f"{collection.name!r} has a different kind or spec"
            )
        query = select(schema.collection).where(columns.uid == collection.uid)
        return self._connection.execute(query).one()

    def _free_names(self) -> Iterator[str]:
        used_names = set(self._connection.scalars(select(schema.collection.c.name)))
        names = (
            f"{self._collection.name}-{number}" if number > 1 else self._collection.name
            for number in count(1)
        )
        return (name for name in names if name not in used_names)


def _ids(connection: Connection, uids: Iterable[str]) -> dict[str, int]:
    trial = schema.trial.c
    queries = where_in(select(trial.uid, trial.id), trial.uid, sorted({*uids}))
    return {row.uid: row.id for query in queries for row in connection.execute(query)}


def _epochs(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    stat = schema.stat.c
    epochs: dict[int, set[int]] = {}
    for query in where_in(select(stat.trial_id, stat.epoch), stat.trial_id, ids):
        for trial_id, epoch in connection.execute(query):
            epochs.setdefault(trial_id, set()).add(epoch)
    return epochs
