"""Collections: named sets of trials, each member with a role and a position."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, func, select

from lemur_core.errors import CollectionError, UnknownNameError
from lemur_core.json_value import NotJsonError, json_value
from lemur_core.naming import check_name
from lemur_core.store import schema
from lemur_core.store.database import DEFAULT_DB, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.statements import insert_once
from lemur_core.store.text import now
from lemur_core.store.trials import find_trials

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_KIND, DEFAULT_ROLE = "set", "member"
MOST_BYTES = 2**20
"""Maximum size of the JSON of a spec or a provenance."""


class Member(NamedTuple):
    """A trial of a collection.

    Attributes:
        role: Role in the collection; ``member`` by default.
        position: Position among the members of its role, from 0.
        trial: Unique id of the trial.
    """

    role: str
    position: int
    trial: str


@dataclass(frozen=True)
class Collection:
    """A named set of trials.

    Attributes:
        uid: Unique id, the same in every database.
        name: Name, unique in the database.
        kind: Kind of collection, for example ``zoo``; ``set`` by default.
        spec: What its members have in common, as described by its creator; a JSON value.
        provenance: Where it comes from; a JSON value.
        created: Time of creation, ISO 8601 in UTC.
        members: Its trials, ordered by role and position.
    """

    uid: str
    name: str
    kind: str
    spec: Any
    provenance: Any
    created: str
    members: tuple[Member, ...]


class CollectionSummary(NamedTuple):
    """A collection without its members.

    Attributes:
        name: Name of the collection.
        kind: Kind of collection.
        roles: Number of members by role.
        created: Time of creation, ISO 8601 in UTC.
    """

    name: str
    kind: str
    roles: dict[str, int]
    created: str


def collect(
    name: str,
    members: Mapping[str, Sequence[str] | str] | Iterable[str] = (),
    *,
    kind: str | None = None,
    spec: Any = None,
    provenance: Any = None,
    db: str | Path = DEFAULT_DB,
) -> Collection:
    """Create a collection of trials, or add trials to the collection of this name.

    A trial that already has its role keeps its position; the others are appended in the given
    order. Repeating a call changes nothing.

    Args:
        name: Name of the collection, up to 200 characters.
        members: Unique ids of trials, or unambiguous prefixes of them. A dictionary maps roles to
            them, for example ``{"dense": [...], "sparse": [...]}``; otherwise each has the role
            ``member``.
        kind: Kind of collection, for example ``zoo``. None creates a ``set``, or accepts the kind
            of an existing collection.
        spec: What its members have in common; a JSON value of up to 1 MiB. None accepts the spec
            of an existing collection.
        provenance: Where it comes from; a JSON value of up to 1 MiB. None accepts the provenance of
            an existing collection.
        db: A database URL, or the path of an SQLite file.

    Returns:
        The collection with all of its members.

    Raises:
        CollectionError: A name or value cannot be stored, a trial is given twice for one role, or
            the collection of this name has another kind, spec or provenance.
        UnknownNameError: No trial matches a unique id, or several do.
        StoreError: The database does not exist or cannot be written.
    """
    attributes = {"kind": kind and check_name("kind of collection", kind, CollectionError)}
    check_name("collection", name, CollectionError)
    for part, value in (("spec", spec), ("provenance", provenance)):
        attributes[part] = (
            None if value is None else _json_text(f"collection {name!r}: {part}", value)
        )
    roles = _by_role(name, members)

    def write(connection: Connection) -> Collection:
        row = _insert_or_find(connection, name, attributes)
        trials = find_trials(connection, list(chain(*roles.values())))
        ids = dict(zip(chain(*roles.values()), (trial.id for trial in trials), strict=True))
        for role, uids in roles.items():
            _check_twice(name, role, uids, ids)
            add_members(connection, row["id"], role, [ids[uid] for uid in uids])
        return _with_members(connection, row)

    with open_engine(db) as engine:
        return patiently(engine, write)


def collection(name: str, *, db: str | Path = DEFAULT_DB) -> Collection:
    """Return a collection with all of its members.

    Args:
        name: Name of the collection.
        db: A database URL, or the path of an SQLite file.

    Raises:
        UnknownNameError: The collection does not exist.
        StoreError: The database does not exist or cannot be read.
    """
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: find_collection(connection, name))


def collections(*, db: str | Path = DEFAULT_DB) -> list[CollectionSummary]:
    """Return the collections of a database, oldest first.

    Args:
        db: A database URL, or the path of an SQLite file.

    Raises:
        StoreError: The database does not exist or cannot be read.
    """
    with open_engine(db) as engine:
        return patiently(engine, lambda connection: list(_summaries(connection)))


def find_collection(connection: Connection, name: str) -> Collection:
    """Return a collection with all of its members.

    Raises:
        UnknownNameError: The collection does not exist.
    """
    return _with_members(connection, _existing_row(connection, name))


def collection_id(connection: Connection, name: str) -> int:
    """Return the id of a collection's row.

    Raises:
        UnknownNameError: The collection does not exist.
    """
    return int(_existing_row(connection, name)["id"])


def read_collections(connection: Connection) -> list[Collection]:
    """Return all collections of a database, oldest first."""
    query = select(schema.collection).order_by(schema.collection.c.id)
    return [_with_members(connection, row) for row in connection.execute(query).mappings().all()]


def check_collection(collection: Collection) -> Collection:
    """Check and return a collection that is being imported.

    Raises:
        CollectionError: One of its names or values cannot be stored.
    """
    check_name("collection", collection.name, CollectionError)
    check_name("kind of collection", collection.kind, CollectionError)
    check_name("time of a collection", collection.created, CollectionError)
    for role in sorted({member.role for member in collection.members}, key=str):
        check_name("role", role, CollectionError)
    _json_text("spec", collection.spec)
    _json_text("provenance", collection.provenance)
    return collection


def add_members(
    connection: Connection, collection_id: int, role: str, trial_ids: Sequence[int]
) -> int:
    """Append trials to a role; return the number of trials that were not members of it."""
    member, collection = schema.member.c, schema.collection.c
    # The update locks the row until the commit: no two writers assign the same position.
    lock = schema.collection.update().where(collection.id == collection_id)
    connection.execute(lock.values(id=collection.id))
    query = select(member.trial_id, member.position).where(
        member.collection_id == collection_id, member.role == role
    )
    positions = {row.trial_id: row.position for row in connection.execute(query)}
    added = [trial_id for trial_id in trial_ids if trial_id not in positions]
    start = max(positions.values(), default=-1) + 1
    rows = [
        {"collection_id": collection_id, "role": role, "position": position, "trial_id": trial_id}
        for position, trial_id in enumerate(added, start)
    ]
    if rows:
        connection.execute(schema.member.insert(), rows)
    return len(rows)


def _json_text(what: str, value: Any) -> str:
    try:
        return canonical_text(json_value(value, MOST_BYTES))
    except NotJsonError as error:
        raise CollectionError(f"{what} {error}") from None


def canonical_text(value: Any) -> str:
    """Return the canonical JSON of a value, in ASCII, which every database can store."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _by_role(name: str, members: Any) -> dict[str, list[str]]:
    uids_by_role = members if isinstance(members, Mapping) else {DEFAULT_ROLE: members}
    roles = {}
    for role, uids in uids_by_role.items():
        check_name("role", role, CollectionError)
        if isinstance(uids, str) and isinstance(members, Mapping):
            uids = [uids]
        if isinstance(uids, str | bytes | Mapping) or not isinstance(uids, Iterable):
            raise CollectionError(
                f"collection {name!r}: members {uids!r}: expected a list of trials, "
                "or a dictionary of lists by role"
            )
        roles[role] = [_check_uid(name, uid) for uid in uids]
    return roles


def _check_uid(name: str, uid: Any) -> str:
    if not isinstance(uid, str):
        raise CollectionError(f"collection {name!r}: member {uid!r}: expected a trial's unique id")
    return uid


def _check_twice(name: str, role: str, uids: Sequence[str], ids: Mapping[str, int]) -> None:
    seen: set[int] = set()
    for uid in uids:
        if ids[uid] in seen:
            raise CollectionError(
                f"collection {name!r}: trial {uid!r} is given twice for the role {role!r}"
            )
        seen.add(ids[uid])


def _row(connection: Connection, name: str) -> Any:
    query = select(schema.collection).where(schema.collection.c.name == name)
    return connection.execute(query).mappings().first()


def _existing_row(connection: Connection, name: str) -> Any:
    row = _row(connection, name)
    if row is None:
        names = connection.scalars(select(schema.collection.c.name))
        raise UnknownNameError("collection", str(name), names, none="none is recorded")
    return row


def _insert_or_find(connection: Connection, name: str, attributes: Mapping[str, str | None]) -> Any:
    """Return the row of a collection, inserting it if it is missing."""
    values = {
        "uid": uuid4().hex,
        "name": name,
        "kind": attributes["kind"] or DEFAULT_KIND,
        "spec": attributes["spec"] or "null",
        "provenance": attributes["provenance"] or "null",
        "created": now(),
    }
    insert = insert_once(connection.dialect, schema.collection)
    connection.execute(insert.values(values))
    row = _row(connection, name)
    for part, text in attributes.items():
        if text is not None and row[part] != text:
            raise CollectionError(
                f"collection {name!r} already exists with another {part}, "
                f"{_shortened(row[part])}; choose another name"
            )
    return row


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _with_members(connection: Connection, row: Any) -> Collection:
    member, trial = schema.member.c, schema.trial.c
    query = (
        select(member.role, member.position, trial.uid)
        .join_from(schema.member, schema.trial)
        .where(member.collection_id == row["id"])
        .order_by(member.role, member.position)
    )
    members = tuple(Member(*columns) for columns in connection.execute(query))
    spec, provenance = json.loads(row["spec"]), json.loads(row["provenance"])
    return Collection(
        row["uid"], row["name"], row["kind"], spec, provenance, row["created"], members
    )


def _summaries(connection: Connection) -> Iterator[CollectionSummary]:
    member, collection = schema.member.c, schema.collection.c
    query = select(member.collection_id, member.role, func.count())
    roles: dict[int, dict[str, int]] = {}
    for collection_id, role, count in connection.execute(
        query.group_by(member.collection_id, member.role).order_by(member.role)
    ):
        roles.setdefault(collection_id, {})[role] = count
    for row in connection.execute(select(schema.collection).order_by(collection.id)):
        yield CollectionSummary(row.name, row.kind, roles.get(row.id, {}), row.created)
