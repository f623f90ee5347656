"""LEMUR's files: ``<task>_<dataset>_<metric>_<net>/<epoch>.json``, in a folder or a zip archive.

Each file holds a list of records, best first. An archive is read member by member and never
unpacked, so no name in it is used as a path on this machine.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_core.errors import SettingsError
from lemur_core.files import open_regular
from lemur_core.kinds.importer import Fault
from lemur_core.store.attached_files import is_artefact
from lemur_core.store.identity import canonical_json
from lemur_core.store.importing.records import Batch, MalformedError, PipelineNames, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

# A LEMUR file has a few kilobytes; a far larger file is not one.
_LARGEST = 64 * 2**20
_EPOCH = re.compile(r"[1-9][0-9]{0,8}\.json")
_PARTS = 4


class File(NamedTuple):
    """The name of a file of records, and a function that reads it."""

    name: str
    read: Callable[[], bytes]


def files_in(place: Path) -> Iterator[File]:
    """Yield the JSON files of a folder or a zip archive, those of one folder together.

    Raises:
        SettingsError: The place is neither a folder nor a zip archive.
    """
    if place.is_dir():
        for path in sorted(place.rglob("*.json")):
            name = path.relative_to(place).as_posix()
            if not is_artefact(name):
                yield File(name, partial(_bounded_file, path))
    elif zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                name = member.filename
                if name.endswith(".json") and not is_artefact(name):
                    yield File(member.filename, partial(_bounded_member, archive, member))
    else:
        raise SettingsError(f"{place}: expected a LEMUR folder, zip archive or database")


def read_files(files: Iterable[File]) -> Iterator[Batch | Fault]:
    """Yield a batch for each folder, and a fault for whatever could not be read."""
    for folder, members in groupby(files, lambda file: _split(file.name)[0]):
        names = tuple(folder.split("_"))
        if len(names) != _PARTS or not all(names):
            yield from (
                Fault(file.name, f"its folder {folder!r} is not named task_dataset_metric_net")
                for file in members
            )
            continue
        batch = Batch(PipelineNames(*names), [], {})
        for file in members:
            yield from _add_file(batch, file)
        yield batch


def _split(name: str) -> tuple[str, str]:
    """Return the name of a file's folder and the file's own name."""
    folders, _, name_of_file = name.rpartition("/")
    return folders.rpartition("/")[2], name_of_file


def _add_file(batch: Batch, file: File) -> Iterator[Fault]:
    """Add the records of a file to a batch; yield a fault for whatever could not be read."""
    name = _split(file.name)[1]
    if not _EPOCH.fullmatch(name):
        yield Fault(file.name, "its name is not an epoch: expected 1.json, 2.json, ...")
        return
    try:
        content = json.loads(file.read())
    except json.JSONDecodeError as error:
        yield Fault(f"{file.name}:{error.lineno}:{error.colno}", f"is not valid JSON: {error.msg}")
        return
    # Raised for archive members that are damaged, encrypted or compressed in an unknown way, and
    # for JSON that is nested too deeply.
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
        yield Fault(file.name, f"cannot be read: {error}")
        return
    if not isinstance(content, list):
        yield Fault(file.name, "expected a list of records")
        return
    yield from _add_list(batch, int(name.removesuffix(".json")), content, file.name)


def _add_list(batch: Batch, epoch: int, records: list[Any], name: str) -> Iterator[Fault]:
    seen: set[str] = set()
    copies: Counter[str] = Counter()
    for position, values in enumerate(records, 1):
        try:
            record = record_of(batch, epoch, values)
            if record.identity in seen:
                text = canonical_json(values)
                copies[text] += 1
                record = record_of(batch, epoch, values, copy=copies[text])
        except MalformedError as error:
            yield Fault(f"{name}, record {position}", str(error))
            continue
        seen.add(record.identity)
        batch.records.append(record)


def _bounded_file(path: Path) -> bytes:
    with open_regular(path) as file:
        return _bounded(file.read(_LARGEST + 1))


def _bounded_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # The size that a member declares need not be true.
    with archive.open(member) as file:
        return _bounded(file.read(_LARGEST + 1))


def _bounded(content: bytes) -> bytes:
    if len(content) > _LARGEST:
        raise ValueError(f"has more than {_LARGEST // 2**20} MiB")
    return content
