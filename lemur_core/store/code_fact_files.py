"""Files with facts about code, in the folder ``lemur`` beside LEMUR's result files.

- ``code_facts.jsonl``: ``{"hash": SHA256, "name": ..., "key": ..., "value": ...}``; the hash
  identifies the code and is empty if the code is unknown.
- ``code.jsonl``: ``{"hash": SHA256, "text": ...}``, the code that these facts describe.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from lemur_core.store.attached_files import FOLDER, open_folder, parse_lines, write_lines
from lemur_core.store.code_fact import CodeFact, CodeFacts
from lemur_core.store.identity import code_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from lemur_core.kinds.importer import Fault

_FACTS, _CODE = "code_facts.jsonl", "code.jsonl"
# Facts or codes per batch.
_BATCH = 1_000


def write_code_facts(parts: Iterable[CodeFacts], folder: Path) -> None:
    """Write facts about code, and the code.

    Args:
        parts: The facts and their code, in batches.
        folder: Existing folder of LEMUR's files.

    Raises:
        OSError: A file cannot be written.
    """
    codes: dict[str, str] = {}
    target = folder / FOLDER
    write_lines(target / _FACTS, _lines(parts, codes))
    write_lines(target / _CODE, ({"hash": key, "text": codes[key]} for key in sorted(codes)))


@contextmanager
def code_facts_in(place: Path) -> Iterator[tuple[Iterator[CodeFacts], list[Fault]]]:
    """Yield the facts about code in a folder or zip archive, and the faults.

    Facts are read during iteration, and the list of faults grows as they are read. Both are valid
    only inside the context.

    Raises:
        OSError, zipfile.BadZipFile: The folder or archive cannot be opened.
    """
    faults: list[Fault] = []
    with open_folder(place) as folder:
        facts = (fact for _, _, fact in parse_lines(folder, _FACTS, _fact_of, faults))
        codes = (code for _, _, code in parse_lines(folder, _CODE, _code_of, faults))
        yield _parts(facts, codes), faults


def _lines(parts: Iterable[CodeFacts], codes: dict[str, str]) -> Iterator[dict[str, Any]]:
    for part in parts:
        # Code stored with escapes does not match its hash and cannot be verified on import.
        codes.update((key, text) for key, text in part.codes.items() if code_hash(text) == key)
        for fact in part.facts:
            names = {"hash": fact.hash, "name": fact.name, "key": fact.key}
            yield {**names, "value": fact.value}


def _parts(facts: Iterator[CodeFact], codes: Iterator[tuple[str, str]]) -> Iterator[CodeFacts]:
    while batch := list(islice(facts, _BATCH)):
        yield CodeFacts(batch, {})
    while texts := dict(islice(codes, _BATCH)):
        yield CodeFacts((), texts)


def _fact_of(line: Any) -> CodeFact:
    return CodeFact(line["hash"], line["name"], line["value"], line["key"])


def _code_of(line: Any) -> tuple[str, str]:
    identity, text = line["hash"], line["text"]
    if not isinstance(identity, str) or not isinstance(text, str):
        raise ValueError
    return identity, text
