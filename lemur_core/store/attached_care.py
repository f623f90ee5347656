"""Check facts, artefacts and collections, and back up the artefacts."""

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
from lemur_core.store.database import unchecked_engine
from lemur_core.store.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def attached_faults(engine: Engine) -> Iterator[str]:
    """Yield one line for each fault in facts, artefacts and collections.

    Artefacts are read completely, outside any transaction.
    """
    checks = (_facts, _code_facts, _collections)
    yield from patiently(
        engine, lambda connection: [*chain(*(find(connection) for find in checks))]
    )
    for artefact in all_artefacts(engine):
        fault = fault_of(artefact)
        if fault:
            yield fault


def all_artefacts(engine: Engine) -> list[Artefact]:
    """Return the artefacts of all trials without checking their files."""

    def read(connection: Connection) -> list[Artefact]:
        ids = list(connection.scalars(select(schema.artefact.c.trial_id).distinct()))
        return read_artefacts(connection, ids)

    return patiently(engine, read)


def check_free(engine: Engine, to: Path) -> None:
    """Check that the artefacts folder of a backup does not exist.

    Args:
        engine: The database.
        to: The file that the backup is written to.

    Raises:
        StoreError: The folder exists.
    """
    if not to.parent.is_dir() or not all_artefacts(engine):
        return
    folder = folder_of(unchecked_engine(to, create=True))
    if folder.exists():
        raise StoreError(f"backup {folder}: already exists; name another file, or remove it")


def copy_artefacts(engine: Engine, copy: Engine) -> tuple[list[Artefact], list[str]]:
    """Copy the artefact files that a backup refers to into the backup's folder.

    Args:
        engine: The database.
        copy: The backup.

    Returns:
        The copied artefacts, and a line for each artefact that is missing or damaged.

    Raises:
        StoreError: A file cannot be written.
    """
    source, target = folder_of(engine), folder_of(copy)
    copied, faults = [], []
    for artefact in all_artefacts(copy):
        path = artefact.path.relative_to(target)
        original = Artefact(
            artefact.trial,
            artefact.name,
            artefact.kind,
            source / path,
            artefact.sha256,
            artefact.bytes,
        )
        fault = fault_of(original)
        if fault:
            faults.append(fault)
            continue
        try:
            artefact.path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original.path, artefact.path)
        except OSError as error:
            raise StoreError(f"backup {artefact.path}: {error.strerror or error}") from error
        copied.append(artefact)
    return copied, faults


def _facts(connection: Connection) -> Iterator[str]:
    fact, trial, stat = schema.fact.c, schema.trial.c, schema.stat.c
    # Read the raw text, so that invalid JSON does not abort the check.
    query = select(trial.uid, fact.epoch, fact.name, type_coerce(fact.value, Text)).join_from(
        schema.fact, schema.trial
    )
    for uid, epoch, name, text in connection.execute(query):
        if not _is_fact(name, text):
            yield f"fact {name!r} of trial {uid}, epoch {epoch}: is not what lemur writes"
    same_epoch = (stat.trial_id == fact.trial_id) & (stat.epoch == fact.epoch)
    lost = (
        query.join(schema.stat, same_epoch, isouter=True)
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


def _collections(connection: Connection) -> Iterator[str]:
    collection, member = schema.collection.c, schema.member.c
    for row in connection.execute(select(collection.name, collection.spec, collection.provenance)):
        for part in ("spec", "provenance"):
            try:
                json.loads(getattr(row, part))
            except (ValueError, RecursionError):
                yield f"collection {row.name!r}: its {part} is not valid JSON"
    gaps = (
        select(collection.name, member.role, func.count(), func.max(member.position))
        .join_from(schema.member, schema.collection)
        .group_by(collection.name, member.role)
    )
    for name, role, count, last in connection.execute(gaps):
        if last != count - 1:
            yield f"collection {name!r}: the positions of its role {role!r} have gaps"
