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
from lemur_core.store.database import DEFAULT_DB, opened
from lemur_core.store.patience import patiently
from lemur_core.store.statements import insert_once
from lemur_core.store.text import now
from lemur_core.store.trials import find_trials

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_KIND, DEFAULT_ROLE = "set", "member"
MOST_BYTES = 2**20
"""Of the JSON of a spec, and of a provenance."""


class Member(NamedTuple):
    """A trial of a collection.

    Attributes:
        role: What it is in the collection, ``member`` if nothing was said.
        position: Its place among those of its role, from 0.
        trial: Its unique id.
    """

    role: str
    position: int
    trial: str


@dataclass(frozen=True)
class Collection:
    """A named set of trials.

    Attributes:
        uid: Its own, whatever database it is in.
        name: Its name, one of its own in the database.
        kind: What it is, ``zoo`` for example; ``set`` if nothing was said.
        spec: What its members have in common, as whoever made it describes it: JSON.
        provenance: Where it comes from: JSON.
        created: When it was made, ISO 8601 in UTC.
        members: Its trials, by role and position.
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
        name: Its name.
        kind: What it is.
        roles: Number of members of each role.
        created: When it was made, ISO 8601 in UTC.
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
    """Make a named set of trials, or add trials to the one of this name.

    A trial that has its role already keeps its position; the others follow in the order in which
    they are given. The same call again changes nothing.

    Args:
        name: Name of the collection, up to 200 characters.
        members: Unique ids of trials, or beginnings that no other trial has. A dictionary gives
            them by role, ``{"dense": [...], "sparse": [...]}``; without roles each is a
            ``member``.
        kind: What the collection is, ``zoo`` for example. None makes a ``set``, and adds to a
            collection of any kind.
        spec: What its members have in common, JSON of up to 1 MiB; None adds to any.
        provenance: Where it comes from, likewise.
        db: A database URL, or the path of an SQLite file.

    Returns:
        The collection with all of its members.

    Raises:
        CollectionError: A name or value cannot be kept, a trial is given twice for one role, or
            the collection of this name has another kind, spec or provenance.
        UnknownNameError: There is no such trial, or several begin so.
        StoreError: There is no such database, or it cannot be written.
    """
    given = {"kind": kind and check_name("kind of collection", kind, CollectionError)}
    check_name("collection", name, CollectionError)
    for part, value in (("spec", spec), ("provenance", provenance)):
        given[part] = None if value is None else _text(f"collection {name!r}: {part}", value)
    roles = _by_role(name, members)

    def write(connection: Connection) -> Collection:
        row = _made(connection, name, given)
        trials = find_trials(connection, list(chain(*roles.values())))
        ids = dict(zip(chain(*roles.values()), (trial.id for trial in trials), strict=True))
        for role, uids in roles.items():
            _check_twice(name, role, uids, ids)
            add_members(connection, row["id"], role, [ids[uid] for uid in uids])
        return _whole(connection, row)

    with opened(db) as engine:
        return patiently(engine, write)


def collection(name: str, *, db: str | Path = DEFAULT_DB) -> Collection:
    """Return a collection with all of its members.

    Args:
        name: Its name.
        db: A database URL, or the path of an SQLite file.

    Raises:
        UnknownNameError: There is no such collection.
        StoreError: There is no such database, or it cannot be read.
    """
    with opened(db) as engine:
        return patiently(engine, lambda connection: find_collection(connection, name))


def collections(*, db: str | Path = DEFAULT_DB) -> list[CollectionSummary]:
    """Return the collections of a database, oldest first.

    Args:
        db: A database URL, or the path of an SQLite file.

    Raises:
        StoreError: There is no such database, or it cannot be read.
    """
    with opened(db) as engine:
        return patiently(engine, lambda connection: list(_summaries(connection)))


def find_collection(connection: Connection, name: str) -> Collection:
    """Return a collection with all of its members.

    Raises:
        UnknownNameError: There is no such collection.
    """
    return _whole(connection, _known_row(connection, name))


def collection_id(connection: Connection, name: str) -> int:
    """Return the id of a collection in its database.

    Raises:
        UnknownNameError: There is no such collection.
    """
    return int(_known_row(connection, name)["id"])


def read_collections(connection: Connection) -> list[Collection]:
    """Return all collections of a database, oldest first."""
    query = select(schema.collection).order_by(schema.collection.c.id)
    return [_whole(connection, row) for row in connection.execute(query).mappings().all()]


def check_collection(found: Collection) -> Collection:
    """Return a collection that comes from elsewhere.

    Raises:
        CollectionError: A name or value of it cannot be kept.
    """
    check_name("collection", found.name, CollectionError)
    check_name("kind of collection", found.kind, CollectionError)
    check_name("time of a collection", found.created, CollectionError)
    for role in sorted({member.role for member in found.members}, key=str):
        check_name("role", role, CollectionError)
    _text("spec", found.spec)
    _text("provenance", found.provenance)
    return found


def add_members(
    connection: Connection, collection_id: int, role: str, trial_ids: Sequence[int]
) -> int:
    """Add trials to those of a role, after the last; return how many were not there."""
    member, collection = schema.member.c, schema.collection.c
    # Nobody else adds until this is committed, so that no two members get one position.
    this = schema.collection.update().where(collection.id == collection_id)
    connection.execute(this.values(id=collection.id))
    query = select(member.trial_id, member.position).where(
        member.collection_id == collection_id, member.role == role
    )
    there = {row.trial_id: row.position for row in connection.execute(query)}
    added = [trial_id for trial_id in trial_ids if trial_id not in there]
    first = max(there.values(), default=-1) + 1
    rows = [
        {"collection_id": collection_id, "role": role, "position": position, "trial_id": trial_id}
        for position, trial_id in enumerate(added, first)
    ]
    if rows:
        connection.execute(schema.member.insert(), rows)
    return len(rows)


def _text(what: str, value: Any) -> str:
    try:
        return canonical_text(json_value(value, MOST_BYTES))
    except NotJsonError as error:
        raise CollectionError(f"{what} {error}") from None


def canonical_text(value: Any) -> str:
    """Return a value's JSON, one text for each value, in characters that every database takes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _by_role(name: str, members: Any) -> dict[str, list[str]]:
    given = members if isinstance(members, Mapping) else {DEFAULT_ROLE: members}
    roles = {}
    for role, uids in given.items():
        check_name("role", role, CollectionError)
        if isinstance(uids, str) and isinstance(members, Mapping):
            uids = [uids]
        if isinstance(uids, str | bytes | Mapping) or not isinstance(uids, Iterable):
            raise CollectionError(
                f"collection {name!r}: members {uids!r}: expected a list of trials, "
                "or a dictionary of lists by role"
            )
        roles[role] = [_checked_uid(name, uid) for uid in uids]
    return roles


def _checked_uid(name: str, uid: Any) -> str:
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


def _known_row(connection: Connection, name: str) -> Any:
    row = _row(connection, name)
    if row is None:
        known = connection.scalars(select(schema.collection.c.name))
        raise UnknownNameError("collection", str(name), known, none="none is recorded")
    return row


def _made(connection: Connection, name: str, given: Mapping[str, str | None]) -> Any:
    """Return the row of the collection, which is made where it is not there."""
    fresh = {
        "uid": uuid4().hex,
        "name": name,
        "kind": given["kind"] or DEFAULT_KIND,
        "spec": given["spec"] or "null",
        "provenance": given["provenance"] or "null",
        "created": now(),
    }
    insert = insert_once(connection.dialect, schema.collection)
    connection.execute(insert.values(fresh))
    row = _row(connection, name)
    for part, text in given.items():
        if text is not None and row[part] != text:
            raise CollectionError(
                f"collection {name!r} is there already with another {part}, "
                f"{_shown(row[part])}; choose another name"
            )
    return row


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _whole(connection: Connection, row: Any) -> Collection:
    member, trial = schema.member.c, schema.trial.c
    query = (
        select(member.role, member.position, trial.uid)
        .join_from(schema.member, schema.trial)
        .where(member.collection_id == row["id"])
        .order_by(member.role, member.position)
    )
    members = tuple(Member(*found) for found in connection.execute(query))
    spec, provenance = json.loads(row["spec"]), json.loads(row["provenance"])
    return Collection(
        row["uid"], row["name"], row["kind"], spec, provenance, row["created"], members
    )


def _summaries(connection: Connection) -> Iterator[CollectionSummary]:
    member, made = schema.member.c, schema.collection.c
    query = select(member.collection_id, member.role, func.count())
    roles: dict[int, dict[str, int]] = {}
    for collection_id, role, count in connection.execute(
        query.group_by(member.collection_id, member.role).order_by(member.role)
    ):
        roles.setdefault(collection_id, {})[role] = count
    for row in connection.execute(select(schema.collection).order_by(made.id)):
        yield CollectionSummary(row.name, row.kind, roles.get(row.id, {}), row.created)
