"""Take in what is attached to trials elsewhere, so that taking it in again changes nothing."""

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

# Trials in one transaction.
_AT_ONCE = 500


@dataclass
class AttachedImport:
    """What was taken in.

    Attributes:
        facts: How many facts were not there before.
        artefacts: How many artefacts were not there before.
        collections: How many collections were not there before.
        members: How many members of collections were not there before.
        notes: What else was done, a collection renamed for example, a line each.
        faults: What could not be taken in, and where it is.
    """

    facts: int = 0
    artefacts: int = 0
    collections: int = 0
    members: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def take_attached(engine: Engine, attached: Attachments) -> AttachedImport:
    """Write facts, artefacts and collections whose trials are in a database.

    What is there already is left alone; what differs from it is a fault.

    Args:
        engine: The database.
        attached: What is written.
    """
    taken = AttachedImport()
    facts = iter(attached.facts)
    while some := list(islice(facts, _AT_ONCE)):
        added, faults = patiently(engine, partial(_facts, some=some))
        taken.facts += added
        taken.faults += faults
    _take_artefacts(engine, attached, taken)
    for collection in attached.collections:
        patiently(engine, partial(_entered, collection=collection)).add_to(taken)
    return taken


def _facts(connection: Connection, some: Sequence[TrialFacts]) -> tuple[int, list[Fault]]:
    ids = _ids(connection, [one.trial for one in some])
    there = read_facts(connection, list(ids.values()))
    epochs = _epochs(connection, list(ids.values()))
    rows: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for one in some:
        trial_id = ids.get(one.trial)
        known = {} if trial_id is None else there.setdefault(trial_id, {})
        for epoch, name, value in one.each():
            try:
                if trial_id is None:
                    raise FactError("there is no such trial")
                if epoch != WHOLE_TRIAL and epoch not in epochs.get(trial_id, ()):
                    raise FactError(f"epoch {epoch} is not recorded")
                fresh = _fresh(name, value, epoch, known)
            except FactError as error:
                faults.append(Fault(f"fact {name!r} of trial {one.trial}", str(error)))
                continue
            known.setdefault(epoch, {}).update(fresh)
            rows += [
                {"trial_id": trial_id, "epoch": epoch, "name": name, "value": value}
                for name, value in fresh.items()
            ]
    if rows:
        connection.execute(insert_once(connection.dialect, schema.fact), rows)
    return len(rows), faults


def _fresh(
    name: Any, value: Any, epoch: int, known: Mapping[int, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a fact as it is kept; nothing where it is there.

    Raises:
        FactError: It cannot be kept, or differs from what is there.
    """
    checked = check_facts({name: value})
    if name in known.get(epoch, {}):
        if schema.JsonText.text(known[epoch][name]) != schema.JsonText.text(checked[name]):
            raise FactError(f"is there already with another value, {known[epoch][name]!r}")
        return {}
    for other in known:
        if (other == WHOLE_TRIAL) != (epoch == WHOLE_TRIAL) and name in known[other]:
            where = "of the trial as a whole" if other == WHOLE_TRIAL else "of its epochs"
            raise FactError(f"is there already {where}")
    return checked


def _take_artefacts(engine: Engine, attached: Attachments, taken: AttachedImport) -> None:
    for one in attached.artefacts:
        place = f"artefact {one.name!r} of trial {one.trial}"
        try:
            check_artefact_name(one.name)
            check_name("kind of artefact", one.kind, ArtefactError)
            trial_id = patiently(engine, partial(_ids, uids=[one.trial])).get(one.trial)
            if trial_id is None:
                raise ArtefactError("there is no such trial")
            if not _is_kept(engine, trial_id, one):
                if fault := fault_of(one):
                    raise ArtefactError(fault)
                trial = TrialId(trial_id, one.trial)
                keep(engine, trial, one.path, one.name, one.kind, expected=one.sha256)
                taken.artefacts += 1
        except LemurError as error:
            taken.faults.append(Fault(place, str(error)))


def _is_kept(engine: Engine, trial_id: int, artefact: Artefact) -> bool:
    found = patiently(engine, partial(read_artefacts, trial_ids=[trial_id]))
    same = (artefact.name, artefact.kind, artefact.sha256)
    return any((one.name, one.kind, one.sha256) == same for one in found)


def _entered(connection: Connection, collection: Collection) -> _Entry:
    entry = _Entry(connection, collection)
    entry.write()
    return entry


class _Entry:
    """One collection on its way into a database."""

    def __init__(self, connection: Connection, collection: Collection) -> None:
        self._connection, self._given = connection, collection
        self._notes: list[str] = []
        self._faults: list[Fault] = []
        self._added = self._members = 0

    def write(self) -> None:
        """Write it and its members."""
        row = self._there() or self._made()
        roles: dict[str, list[str]] = {}
        for role, _, uid in sorted(self._given.members):
            roles.setdefault(role, []).append(uid)
        for role, uids in roles.items():
            ids = _ids(self._connection, uids)
            known = [ids[uid] for uid in uids if uid in ids]
            self._members += add_members(self._connection, row.id, role, known)
            self._faults += [
                Fault(f"collection {self._given.name!r}", f"there is no trial {uid}")
                for uid in uids
                if uid not in ids
            ]

    def add_to(self, taken: AttachedImport) -> None:
        """Add what was done to a report."""
        taken.collections += self._added
        taken.members += self._members
        taken.notes += self._notes
        taken.faults += self._faults

    def _there(self) -> Any:
        """Return the row of the same collection; None where there is none."""
        given, columns = self._given, schema.collection.c
        query = select(schema.collection)
        row = self._connection.execute(query.where(columns.uid == given.uid)).first()
        if row is not None:
            return row
        row = self._connection.execute(query.where(columns.name == given.name)).first()
        if row is None or (row.kind, row.spec) != (given.kind, canonical_text(given.spec)):
            return None
        if row.provenance != canonical_text(given.provenance):
            self._notes.append(
                f"collection {given.name!r} was joined to the one of its name, kind and spec, "
                "whose provenance stays"
            )
        return row

    def _made(self) -> Any:
        given, columns = self._given, schema.collection.c
        name = next(self._free_names())
        row = {
            "uid": given.uid,
            "name": name,
            "kind": given.kind,
            "spec": canonical_text(given.spec),
            "provenance": canonical_text(given.provenance),
            "created": given.created,
        }
        self._connection.execute(schema.collection.insert().values(row))
        self._added = 1
        if name != given.name:
            self._notes.append(
                f"collection {given.name!r} is called {name!r} here: there is another "
                f"{given.name!r}, of another kind or spec"
            )
        query = select(schema.collection).where(columns.uid == given.uid)
        return self._connection.execute(query).one()

    def _free_names(self) -> Iterator[str]:
        taken = set(self._connection.scalars(select(schema.collection.c.name)))
        names = (
            f"{self._given.name}-{number}" if number > 1 else self._given.name
            for number in count(1)
        )
        return (name for name in names if name not in taken)


def _ids(connection: Connection, uids: Iterable[str]) -> dict[str, int]:
    trial = schema.trial.c
    queries = where_in(select(trial.uid, trial.id), trial.uid, sorted({*uids}))
    return {row.uid: row.id for query in queries for row in connection.execute(query)}


def _epochs(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    stat = schema.stat.c
    found: dict[int, set[int]] = {}
    for query in where_in(select(stat.trial_id, stat.epoch), stat.trial_id, ids):
        for trial_id, epoch in connection.execute(query):
            found.setdefault(trial_id, set()).add(epoch)
    return found
