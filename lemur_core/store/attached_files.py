"""Files with the facts, artefacts and collections of trials, beside LEMUR's result files.

LEMUR's format has no place for them, so they are in a folder ``lemur`` of their own. Besides the
files of `lemur_core.store.code_fact_files`, it contains those of the following that are not empty:

- ``facts.jsonl``: ``{"trial": UID, "epoch": 1, "facts": {...}}``; epoch 0 is the trial as a whole.
- ``artefacts.jsonl``: ``{"trial": UID, "name": ..., "kind": ..., "path": ..., "sha256": ...,
  "bytes": ...}``, with the files themselves at ``artefacts/`` plus their path.
- ``collections.jsonl``: ``{"uid": ..., "name": ..., "kind": ..., "spec": ..., "provenance": ...,
  "created": ..., "members": [{"role": ..., "position": 0, "trial": UID}]}``.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from lemur_core.errors import LemurError
from lemur_core.files import open_regular
from lemur_core.kinds.importer import Fault
from lemur_core.store.artefacts import Artefact, check_artefact_name, fault_of
from lemur_core.store.attached import Attachments, TrialFacts
from lemur_core.store.collections import Collection, Member, check_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FOLDER = "lemur"
_FACTS, _ARTEFACTS, _COLLECTIONS = "facts.jsonl", "artefacts.jsonl", "collections.jsonl"
_ARTEFACT_FOLDER = "artefacts"
_ARTEFACT_PATH = re.compile(rf"(?:^|/){FOLDER}/{_ARTEFACT_FOLDER}/[0-9a-f]{{32}}/")
_UID = re.compile("[0-9a-f]{32}")
_SHA256 = re.compile("[0-9a-f]{64}")
# Bytes of a line; the line of a collection with a million members is shorter.
_MAX_LINE_BYTES = 64 * 2**20


def is_artefact(name: str) -> bool:
    """Return whether a path within a folder of LEMUR's files is the path of an artefact."""
    return _ARTEFACT_PATH.search(name) is not None


def write_attached(attached: Attachments, folder: Path) -> list[Fault]:
    """Write the attachments of trials.

    Args:
        attached: The attachments.
        folder: Existing folder of LEMUR's files.

    Returns:
        A fault for each artefact whose file is missing or damaged; these are left out.

    Raises:
        OSError: A file cannot be written.
    """
    faults: list[Fault] = []
    target = folder / FOLDER
    facts = (
        {"trial": trial.trial, "epoch": epoch, "facts": values}
        for trial in attached.facts
        for epoch, values in trial.epochs.items()
    )
    write_lines(target / _FACTS, facts)
    write_lines(
        target / _ARTEFACTS, _copy_artefacts(attached.artefacts, target / _ARTEFACT_FOLDER, faults)
    )
    write_lines(target / _COLLECTIONS, map(_collection_line, attached.collections))
    return faults


@contextmanager
def attached_in(place: Path) -> Iterator[tuple[Attachments, list[Fault]]]:
    """Yield the attachments in a folder or zip archive, and the faults.

    Attachments are read during iteration, and the list of faults grows as they are read. Both are
    valid only inside the context.

    Raises:
        OSError, zipfile.BadZipFile: The folder or archive cannot be opened.
    """
    faults: list[Fault] = []
    with open_folder(place) as folder:
        attached = Attachments(
            (value for _, _, value in parse_lines(folder, _FACTS, _facts_of, faults)),
            _extract_artefacts(
                parse_lines(folder, _ARTEFACTS, _artefact_of, faults), folder.open_file, faults
            ),
            (value for _, _, value in parse_lines(folder, _COLLECTIONS, _collection_of, faults)),
        )
        yield attached, faults


class OpenedArchive(NamedTuple):
    """An open folder or zip archive.

    Attributes:
        names: Paths of its files, relative to the folder.
        open_file: Function that opens a file by its path.
    """

    names: frozenset[str]
    open_file: Callable[[str], IO[bytes]]


@contextmanager
def open_folder(place: Path) -> Iterator[OpenedArchive]:
    """Open a folder or zip archive of LEMUR's files.

    Raises:
        OSError, zipfile.BadZipFile: The folder or archive cannot be opened.
    """
    if place.is_dir():
        paths = place.glob(f"**/{FOLDER}/*.jsonl")
        names = frozenset(path.relative_to(place).as_posix() for path in paths)
        yield OpenedArchive(names, lambda name: open_regular(place / name))
    else:
        with zipfile.ZipFile(place) as archive:
            yield OpenedArchive(frozenset(archive.namelist()), archive.open)


def parse_lines(
    folder: OpenedArchive, file_name: str, parse: Callable[[Any], Any], faults: list[Fault]
) -> Iterator[tuple[str, str, Any]]:
    """Parse the lines of all files of a name, which may be in several ``lemur`` folders.

    Args:
        folder: The folder or archive.
        file_name: Name of the files, for example ``facts.jsonl``.
        parse: Converts the JSON value of a line.
        faults: List to which faults are appended.

    Yields:
        The file's path, the position as ``path:line``, and the parsed value.
    """
    for name in sorted(folder.names):
        if not f"/{name}".endswith(f"/{FOLDER}/{file_name}"):
            continue
        for _, position, line in _json_lines(name, folder.open_file, faults):
            try:
                value = parse(line)
            except (ValueError, TypeError, LookupError, AttributeError, LemurError) as error:
                reason = (
                    str(error) if isinstance(error, LemurError) else f"is not a line of {file_name}"
                )
                faults.append(Fault(position, reason))
                continue
            yield name, position, value


def _json_lines(
    name: str, open_file: Callable[[str], IO[bytes]], faults: list[Fault]
) -> Iterator[tuple[str, str, Any]]:
    """Yield the file's path, the position as ``path:line``, and the JSON value of each line."""
    number = 0
    try:
        with open_file(name) as file:
            while text := file.readline(_MAX_LINE_BYTES + 1):
                number += 1
                if len(text) > _MAX_LINE_BYTES:
                    raise ValueError(f"has a line of more than {_MAX_LINE_BYTES // 2**20} MiB")
                try:
                    line = json.loads(text)
                except (ValueError, RecursionError):
                    faults.append(Fault(f"{name}:{number}", "is not valid JSON"))
                    continue
                yield name, f"{name}:{number}", line
    # An archive member may be damaged, encrypted or compressed by an unknown method.
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
        faults.append(Fault(name, f"cannot be read: {error}"))


def _extract_artefacts(
    artefacts: Iterator[tuple[str, str, Artefact]],
    open_file: Callable[[str], IO[bytes]],
    faults: list[Fault],
) -> Iterator[Artefact]:
    """Yield artefacts, each with a temporary copy of its file that the next one overwrites."""
    with TemporaryDirectory(prefix="lemur-import-") as folder:
        copy = Path(folder) / "artefact"
        for name, position, artefact in artefacts:
            member = f"{name.rpartition('/')[0]}/{_ARTEFACT_FOLDER}/{artefact.path.as_posix()}"
            try:
                with open_file(member) as source, copy.open("wb") as target:
                    # One byte more than stated is enough to tell that the file is too long.
                    remaining_bytes = artefact.bytes + 1
                    while chunk := source.read(min(remaining_bytes, 2**20)):
                        target.write(chunk)
                        remaining_bytes -= len(chunk)
            except (OSError, KeyError):
                faults.append(Fault(position, f"there is no {member}, or it cannot be read"))
                continue
            except (ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
                faults.append(Fault(member, f"cannot be read: {error}"))
                continue
            yield replace(artefact, path=copy)


def write_lines(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write JSON objects to a file, one per line; write no file if there are none."""
    target: IO[str] | None = None
    try:
        for line in lines:
            if target is None:
                file.parent.mkdir(exist_ok=True)
                target = file.open("w", encoding="utf-8")
            target.write(json.dumps(line) + "\n")
    finally:
        if target is not None:
            target.close()


def _copy_artefacts(
    artefacts: Iterable[Artefact], folder: Path, faults: list[Fault]
) -> Iterator[dict[str, Any]]:
    for artefact in artefacts:
        if fault := fault_of(artefact):
            faults.append(Fault(f"artefact {artefact.name!r} of trial {artefact.trial}", fault))
            continue
        is_plain = artefact.path.parent.name == artefact.trial
        path = Path(artefact.trial, *[] if is_plain else [artefact.path.parent.name], artefact.name)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artefact.path, folder / path)
        yield asdict(replace(artefact, path=path)) | {"path": path.as_posix()}


def _collection_line(collection: Collection) -> dict[str, Any]:
    members = [member._asdict() for member in collection.members]
    return vars(collection) | {"members": members}


def _facts_of(line: Any) -> TrialFacts:
    epoch, facts = line["epoch"], line["facts"]
    if type(epoch) is not int or not 0 <= epoch < 2**31 or not isinstance(facts, dict):
        raise ValueError
    return TrialFacts(_uid(line["trial"]), {epoch: facts})


def _artefact_of(line: Any) -> Artefact:
    name, kind, path, sha256, size = (
        line[key] for key in ("name", "kind", "path", "sha256", "bytes")
    )
    trial = _uid(line["trial"])
    check_artefact_name(name)
    first, *middle, last = path.split("/")
    is_below = first == trial and last == name and middle in ([], [sha256[:16]])
    if not is_below or not _SHA256.fullmatch(sha256) or type(size) is not int or size < 0:
        raise ValueError
    return Artefact(trial, name, str(kind), Path(path), sha256, size)


def _collection_of(line: Any) -> Collection:
    members = tuple(
        Member(member["role"], member["position"], _uid(member["trial"]))
        for member in line["members"]
    )
    if any(type(member.position) is not int for member in members):
        raise ValueError
    _uid(line["uid"])
    columns = {key: line[key] for key in ("uid", "name", "kind", "spec", "provenance", "created")}
    return check_collection(Collection(**columns, members=members))


def _uid(value: Any) -> str:
    if not _UID.fullmatch(value):
        raise ValueError(value)
    return str(value)
