"""Look after what is attached to trials: whether it is sound, and a copy of the artefacts."""

from __future__ import annotations

import json
import shutil
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Text, func, select, type_coerce

from lemur_core.errors import FactError, StoreError
from lemur_core.fact import WHOLE_TRIAL, check_facts
from lemur_core.store import schema
from lemur_core.store.artefacts import Artefact, fault_of, folder_of, read_artefacts
from lemur_core.store.code_fact import CodeFact, check_code_fact
from lemur_core.store.database import reach
from lemur_core.store.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def attached_faults(engine: Engine) -> Iterator[str]:
    """Yield what is wrong with facts, artefacts and collections, a line each.

    Artefacts are read whole, outside of any transaction.
    """
    looks = (_facts, _code_facts, _sets)
    yield from patiently(engine, lambda connection: [*chain(*(look(connection) for look in looks))])
    for artefact in all_artefacts(engine):
        fault = fault_of(artefact)
        if fault:
            yield fault


def all_artefacts(engine: Engine) -> list[Artefact]:
    """Return the artefacts of all trials, without looking at the files."""

    def read(connection: Connection) -> list[Artefact]:
        ids = list(connection.scalars(select(schema.artefact.c.trial_id).distinct()))
        return read_artefacts(connection, ids)

    return patiently(engine, read)


def check_free(engine: Engine, to: Path) -> None:
    """Raise `StoreError` where a copy of a database has no place for the artefacts.

    Args:
        engine: The database.
        to: The file that the copy is written to.
    """
    if not to.parent.is_dir() or not all_artefacts(engine):
        return
    folder = folder_of(reach(to, create=True))
    if folder.exists():
        raise StoreError(f"backup {folder}: is there already; name another file, or remove it")


def copy_artefacts(engine: Engine, copy: Engine) -> tuple[list[Artefact], list[str]]:
    """Copy the files of the artefacts that the copy of a database has to the copy's folder.

    Args:
        engine: The database.
        copy: Its copy, of the same rows.

    Returns:
        The artefacts that were copied, and a line for each that was not: it is missing or damaged.

    Raises:
        StoreError: A file cannot be written.
    """
    source, target = folder_of(engine), folder_of(copy)
    done, faults = [], []
    for one in all_artefacts(copy):
        path = one.path.relative_to(target)
        kept = Artefact(one.trial, one.name, one.kind, source / path, one.sha256, one.bytes)
        fault = fault_of(kept)
        if fault:
            faults.append(fault)
            continue
        try:
            one.path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept.path, one.path)
        except OSError as error:
            raise StoreError(f"backup {one.path}: {error.strerror or error}") from error
        done.append(one)
    return done, faults


def _facts(connection: Connection) -> Iterator[str]:
    fact, trial, stat = schema.fact.c, schema.trial.c, schema.stat.c
    # Its text as it is: one that is no JSON must not end the check.
    query = select(trial.uid, fact.epoch, fact.name, type_coerce(fact.value, Text)).join_from(
        schema.fact, schema.trial
    )
    for uid, epoch, name, text in connection.execute(query):
        if not _is_fact(name, text):
            yield f"fact {name!r} of trial {uid}, epoch {epoch}: is not what lemur writes"
    recorded = (stat.trial_id == fact.trial_id) & (stat.epoch == fact.epoch)
    lost = (
        query.join(schema.stat, recorded, isouter=True)
        .where(fact.epoch != WHOLE_TRIAL, stat.epoch.is_(None))
        .order_by(fact.trial_id, fact.epoch, fact.name)
    )
    for uid, epoch, name, _ in connection.execute(lost):
        yield f"fact {name!r} of trial {uid}: epoch {epoch} is not recorded"


def _code_facts(connection: Connection) -> Iterator[str]:
    fact = schema.code_fact.c
    query = select(fact.hash, fact.name, fact.key, type_coerce(fact.value, Text))
    for row in connection.execute(query):
        if not _is_code_fact(*row):
            yield f"fact {row.name!r} of source {row.hash}: is not what lemur writes"


def _is_code_fact(identity: str, name: str, key: str, text: str) -> bool:
    try:
        fact = CodeFact(identity, name, json.loads(text), key)
        return schema.JsonText.text(check_code_fact(fact).value) == text
    except (ValueError, RecursionError, FactError):
        return False


def _is_fact(name: str, text: str) -> bool:
    try:
        value = json.loads(text)
        return schema.JsonText.text(check_facts({name: value})[name]) == text
    except (ValueError, RecursionError, FactError):
        return False


def _sets(connection: Connection) -> Iterator[str]:
    made, member = schema.collection.c, schema.member.c
    for row in connection.execute(select(made.name, made.spec, made.provenance)):
        for part in ("spec", "provenance"):
            try:
                json.loads(getattr(row, part))
            except (ValueError, RecursionError):
                yield f"collection {row.name!r}: its {part} is no JSON"
    gaps = (
        select(made.name, member.role, func.count(), func.max(member.position))
        .join_from(schema.member, schema.collection)
        .group_by(made.name, member.role)
    )
    for name, role, count, last in connection.execute(gaps):
        if last != count - 1:
            yield f"collection {name!r}: the positions of its role {role!r} have gaps"
