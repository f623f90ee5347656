"""Write results in LEMUR's format: ``<task>_<dataset>_<metric>_<net>/<epoch>.json``, best first.

Fields that LEMUR's format lacks are in each record under ``lemur``, so that an import restores
everything. Attachments of trials are in the folder ``lemur`` beside the records, see
`lemur_core.store.attached_files`.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from lemur_core.errors import StoreError
from lemur_core.store import schema
from lemur_core.store.attached import attached_trials, read_attached
from lemur_core.store.attached_files import write_attached
from lemur_core.store.code_fact_files import write_code_facts
from lemur_core.store.datasets import read_datasets
from lemur_core.store.importing.code_facts import stored_code_facts
from lemur_core.store.importing.records import OWN_COLUMNS, facts_of, published
from lemur_core.store.patience import patiently
from lemur_core.store.reading.filters import Filters
from lemur_core.store.reading.frame import read_prms
from lemur_core.store.statements import where_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_NO_PATH = set("/\\\0")
Place = tuple[str, int]


def export(
    engine: Engine,
    folder: Path,
    filters: Filters | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> tuple[int, list[str]]:
    """Write LEMUR's files, the attachments of the exported trials, and facts about code.

    Args:
        engine: The database.
        folder: Target folder; it is created if it does not exist, and must be empty if it does.
        filters: Filters of the rows; None writes all.
        warn: Called with a line for each artefact or collection that cannot be written in full.

    Returns:
        Number of records written, and names of pipelines left out because they are not valid
        folder names.

    Raises:
        StoreError: The folder is not empty or cannot be written, or the database cannot be read.
    """
    files = patiently(engine, lambda connection: _files(connection, filters or Filters()))
    trials = patiently(engine, lambda connection: _trials(connection, filters or Filters()))
    names = sorted({name for name, _ in files})
    left_out = [name for name in names if _NO_PATH & set(name)]
    written = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StoreError(f"{folder}: is not empty; name another folder")
        with _emptied_if_it_fails(folder):
            for (name, epoch), records in files.items():
                if name not in left_out:
                    _write(folder / name / f"{epoch}.json", records)
                    written += len(records)
            uids = [uid for uid, name in trials.items() if name not in left_out]
            _write_attached(engine, folder, uids, warn)
            _write_code_facts(engine, folder, filters or Filters(), uids)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{error.filename or folder}: {error.strerror or error}") from error
    return written, left_out


@contextmanager
def _emptied_if_it_fails(folder: Path) -> Iterator[None]:
    # A partial export must not be mistaken for a complete one.
    try:
        yield
    except BaseException:
        for child in folder.iterdir():
            shutil.rmtree(child, ignore_errors=True)
        raise


def _trials(connection: Connection, filters: Filters) -> dict[str, str]:
    """Return the pipeline name of each exported trial by its unique id."""
    query = select(_trial.uid, *_NAMES).join_from(schema.stat, schema.trial).distinct()
    rows = connection.execute(filters.apply(query, joined=True))
    return {uid: "_".join(names) for uid, *names in rows}


def _write_attached(
    engine: Engine, folder: Path, trials: Sequence[str], warn: Callable[[str], None]
) -> None:
    attached, exported = read_attached(engine, trials), set(trials)
    collections = []
    for collection in attached.collections:
        members = tuple(member for member in collection.members if member.trial in exported)
        if len(members) < len(collection.members):
            lost = len(collection.members) - len(members)
            warn(
                f"collection {collection.name!r}: {lost:,} members have no exported epoch; left out"
            )
        if members or not collection.members:
            collections.append(replace(collection, members=members))
    for fault in write_attached(replace(attached, collections=collections), folder):
        warn(f"{fault.reason}; left out")


def _write_code_facts(
    engine: Engine, folder: Path, filters: Filters, trials: Sequence[str]
) -> None:
    """Write the facts about the code of the trials' nets, or about all code without filters."""

    def read(connection: Connection) -> list[str]:
        query = select(schema.nn.c.hash).join_from(schema.trial, schema.nn)
        queries = where_in(query, _trial.uid, trials)
        return [digest for part in queries for digest in connection.scalars(part)]

    hashes = None if filters.is_empty else patiently(engine, read)
    write_code_facts(stored_code_facts(engine, hashes), folder)


def _write(file: Path, records: list[dict[str, Any]]) -> None:
    file.parent.mkdir(exist_ok=True)
    best_first = sorted(records, key=lambda record: (-record["accuracy"], str(record.get("uid"))))
    file.write_text(json.dumps(best_first, indent=4), encoding="utf-8")


def _files(connection: Connection, filters: Filters) -> dict[Place, list[dict[str, Any]]]:
    rows = connection.execute(filters.apply(_QUERY, joined=True)).mappings().all()
    datasets = read_datasets(connection, {row[_trial.dataset_id] for row in rows} - {None})
    prms = read_prms(connection, list({row[_trial.prm] for row in rows}))
    attached = attached_trials(connection)
    files: dict[Place, list[dict[str, Any]]] = {}
    for row in rows:
        name = "_".join(row[part] for part in _NAMES)
        data = datasets.get(row[_trial.dataset_id])
        extra = published(row, data, named=row[_trial.id] in attached)
        facts = facts_of(
            {
                "accuracy": row[_stat.accuracy],
                "duration": row[_stat.duration],
                "loss": row[_stat.loss],
                "prm": prms[row[_trial.prm]],
                "extra": extra,
            }
        )
        files.setdefault((name, row[_stat.epoch]), []).append(facts)
    return files


_trial, _stat = schema.trial.c, schema.stat.c
_NAMES = (_trial.task, _trial.dataset, _trial.metric, _trial.nn)
_QUERY = (
    select(
        *_NAMES, _trial.id, _trial.uid, _trial.prm, _trial.dataset_id, _stat.epoch, _stat.accuracy,
        _stat.loss, _stat.duration, _stat.extra, _stat.record, *OWN_COLUMNS,
    )
    .join_from(schema.stat, schema.trial)
    .order_by(_trial.id, _stat.epoch)
)  # fmt: skip
