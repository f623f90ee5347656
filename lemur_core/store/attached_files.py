"""The files of what is attached to trials, in the folder ``lemur`` beside LEMUR's own.

LEMUR has no place for any of it. The folder holds, as far as there are any, beside the files of
`lemur_core.store.code_fact_files`:

- ``facts.jsonl``: ``{"trial": UID, "epoch": 1, "facts": {...}}``; epoch 0 is the trial as a whole.
- ``artefacts.jsonl``: ``{"trial": UID, "name": ..., "kind": ..., "path": ..., "sha256": ...,
  "bytes": ...}``, and the files themselves below ``artefacts/``, at their paths.
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
_FILES = "artefacts"
_INSIDE = re.compile(rf"(?:^|/){FOLDER}/{_FILES}/[0-9a-f]{{32}}/")
_UID = re.compile("[0-9a-f]{32}")
_SHA256 = re.compile("[0-9a-f]{64}")
# Of a line; a collection of a million members has less.
_LONGEST = 64 * 2**20


def is_artefact(name: str) -> bool:
    """Return whether a path below a folder of LEMUR's files is that of an artefact."""
    return _INSIDE.search(name) is not None


def write_attached(attached: Attachments, folder: Path) -> list[Fault]:
    """Write what is attached to trials.

    Args:
        attached: What is written.
        folder: That of LEMUR's files, which is there.

    Returns:
        Artefacts whose files are missing or damaged; these are left out.

    Raises:
        OSError: A file cannot be written.
    """
    faults: list[Fault] = []
    own = folder / FOLDER
    facts = (
        {"trial": one.trial, "epoch": epoch, "facts": values}
        for one in attached.facts
        for epoch, values in one.epochs.items()
    )
    write_lines(own / _FACTS, facts)
    write_lines(own / _ARTEFACTS, _copied(attached.artefacts, own / _FILES, faults))
    write_lines(own / _COLLECTIONS, map(_collection_line, attached.collections))
    return faults


@contextmanager
def attached_in(place: Path) -> Iterator[tuple[Attachments, list[Fault]]]:
    """Give what is attached to trials in a folder or a zip archive, and what cannot be read of it.

    Both hold while they are gone through: the faults are those that were found so far.

    Raises:
        OSError, zipfile.BadZipFile: It cannot be opened.
    """
    faults: list[Fault] = []
    with opened_folder(place) as folder:
        attached = Attachments(
            (one for _, _, one in parsed(folder, _FACTS, _facts_of, faults)),
            _extracted(parsed(folder, _ARTEFACTS, _artefact_of, faults), folder.opened, faults),
            (one for _, _, one in parsed(folder, _COLLECTIONS, _collection_of, faults)),
        )
        yield attached, faults


class OpenedArchive(NamedTuple):
    """A folder or a zip archive that is opened.

    Attributes:
        names: The files in it.
        opened: Opens one of them.
    """

    names: frozenset[str]
    opened: Callable[[str], IO[bytes]]


@contextmanager
def opened_folder(place: Path) -> Iterator[OpenedArchive]:
    """Open a folder or a zip archive of LEMUR's files.

    Raises:
        OSError, zipfile.BadZipFile: It cannot be opened.
    """
    if place.is_dir():
        paths = place.glob(f"**/{FOLDER}/*.jsonl")
        names = frozenset(path.relative_to(place).as_posix() for path in paths)
        yield OpenedArchive(names, lambda name: open_regular(place / name))
    else:
        with zipfile.ZipFile(place) as archive:
            yield OpenedArchive(frozenset(archive.namelist()), archive.open)


def parsed(
    folder: OpenedArchive, own: str, parse: Callable[[Any], Any], faults: list[Fault]
) -> Iterator[tuple[str, str, Any]]:
    """Yield the name of a file, the place in it and what is made of each line.

    Args:
        folder: Where the file is.
        own: The file's own name, ``facts.jsonl`` for example.
        parse: Makes something of the JSON of a line.
        faults: What cannot be read is added to them.
    """
    for name in sorted(folder.names):
        if not f"/{name}".endswith(f"/{FOLDER}/{own}"):
            continue
        for _, place, line in _lines(name, folder.opened, faults):
            try:
                found = parse(line)
            except (ValueError, TypeError, LookupError, AttributeError, LemurError) as error:
                reason = str(error) if isinstance(error, LemurError) else f"is no line of {own}"
                faults.append(Fault(place, reason))
                continue
            yield name, place, found


def _lines(
    name: str, opened: Callable[[str], IO[bytes]], faults: list[Fault]
) -> Iterator[tuple[str, str, Any]]:
    """Yield the name of a file, the place in it and the value of each of its lines."""
    number = 0
    try:
        with opened(name) as file:
            while text := file.readline(_LONGEST + 1):
                number += 1
                if len(text) > _LONGEST:
                    raise ValueError(f"has a line of more than {_LONGEST // 2**20} MiB")
                try:
                    line = json.loads(text)
                except (ValueError, RecursionError):
                    faults.append(Fault(f"{name}:{number}", "is no JSON"))
                    continue
                yield name, f"{name}:{number}", line
    # Of an archive's member that is damaged, encrypted or packed in a strange way.
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
        faults.append(Fault(name, f"cannot be read: {error}"))


def _extracted(
    found: Iterator[tuple[str, str, Artefact]],
    opened: Callable[[str], IO[bytes]],
    faults: list[Fault],
) -> Iterator[Artefact]:
    """Yield artefacts, each with a copy of its file that is there until the next is yielded."""
    with TemporaryDirectory(prefix="lemur-import-") as folder:
        copy = Path(folder) / "artefact"
        for name, place, one in found:
            member = f"{name.rpartition('/')[0]}/{_FILES}/{one.path.as_posix()}"
            try:
                with opened(member) as source, copy.open("wb") as target:
                    # What is longer than it says is not what it says.
                    rest = one.bytes + 1
                    while chunk := source.read(min(rest, 2**20)):
                        target.write(chunk)
                        rest -= len(chunk)
            except (OSError, KeyError):
                faults.append(Fault(place, f"there is no {member}, or it cannot be read"))
                continue
            except (ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
                faults.append(Fault(member, f"cannot be read: {error}"))
                continue
            yield replace(one, path=copy)


def write_lines(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write a JSON object on each line of a file; without any there is no file."""
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


def _copied(
    artefacts: Iterable[Artefact], folder: Path, faults: list[Fault]
) -> Iterator[dict[str, Any]]:
    for one in artefacts:
        if fault := fault_of(one):
            faults.append(Fault(f"artefact {one.name!r} of trial {one.trial}", fault))
            continue
        is_plain = one.path.parent.name == one.trial
        path = Path(one.trial, *[] if is_plain else [one.path.parent.name], one.name)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one.path, folder / path)
        yield asdict(replace(one, path=path)) | {"path": path.as_posix()}


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
        Member(one["role"], one["position"], _uid(one["trial"])) for one in line["members"]
    )
    if any(type(member.position) is not int for member in members):
        raise ValueError
    _uid(line["uid"])
    named = {key: line[key] for key in ("uid", "name", "kind", "spec", "provenance", "created")}
    return check_collection(Collection(**named, members=members))


def _uid(value: Any) -> str:
    if not _UID.fullmatch(value):
        raise ValueError(value)
    return str(value)
