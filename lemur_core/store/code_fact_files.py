"""The files of facts about code, in the folder ``lemur`` beside LEMUR's own.

- ``code_facts.jsonl``: ``{"hash": SHA256, "name": ..., "key": ..., "value": ...}``; the hash is the
  source's, empty where it is not known.
- ``code.jsonl``: ``{"hash": SHA256, "text": ...}``, the sources that these facts are about.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from lemur_core.store.attached_files import FOLDER, opened_folder, parsed, write_lines
from lemur_core.store.code_fact import CodeFact, CodeFacts
from lemur_core.store.identity import code_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lemur_core.kinds.importer import Fault

_FACTS, _CODE = "code_facts.jsonl", "code.jsonl"
# Facts that are given at a time.
_AT_ONCE = 1_000


def write_code_facts(parts: Iterable[CodeFacts], folder: Path) -> None:
    """Write facts about code, and the code.

    Args:
        parts: What is written, some facts at a time.
        folder: That of LEMUR's files, which is there.

    Raises:
        OSError: A file cannot be written.
    """
    codes: dict[str, str] = {}
    own = folder / FOLDER
    write_lines(own / _FACTS, _lines(parts, codes))
    write_lines(own / _CODE, ({"hash": one, "text": codes[one]} for one in sorted(codes)))


@contextmanager
def code_facts_in(place: Path) -> Iterator[tuple[Iterator[CodeFacts], list[Fault]]]:
    """Give the facts about code in a folder or a zip archive, and what cannot be read of them.

    Both hold while they are gone through: the faults are those that were found so far.

    Raises:
        OSError, zipfile.BadZipFile: It cannot be opened.
    """
    faults: list[Fault] = []
    with opened_folder(place) as folder:
        facts = (one for _, _, one in parsed(folder, _FACTS, _fact_of, faults))
        codes = (one for _, _, one in parsed(folder, _CODE, _code_of, faults))
        yield _parts(facts, codes), faults


def _lines(parts: Iterable[CodeFacts], codes: dict[str, str]) -> Iterator[dict[str, Any]]:
    for part in parts:
        # A source that is recorded with escapes cannot be told from another one.
        codes.update((one, text) for one, text in part.codes.items() if code_hash(text) == one)
        for fact in part.facts:
            names = {"hash": fact.hash, "name": fact.name, "key": fact.key}
            yield {**names, "value": fact.value}


def _parts(facts: Iterator[CodeFact], codes: Iterator[tuple[str, str]]) -> Iterator[CodeFacts]:
    while some := list(islice(facts, _AT_ONCE)):
        yield CodeFacts(some, {})
    while texts := dict(islice(codes, _AT_ONCE)):
        yield CodeFacts((), texts)


def _fact_of(line: Any) -> CodeFact:
    return CodeFact(line["hash"], line["name"], line["value"], line["key"])


def _code_of(line: Any) -> tuple[str, str]:
    identity, text = line["hash"], line["text"]
    if not isinstance(identity, str) or not isinstance(text, str):
        raise ValueError
    return identity, text
