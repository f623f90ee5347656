"""The sources that are known, and which of them another is like."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sqlalchemy import Connection, select

from lemur_core.store import schema
from lemur_core.store.code import read_texts
from lemur_core.store.identity import code_hash
from lemur_core.store.sketch import WIDTH, Sketch, sketch_of
from lemur_core.store.statements import insert_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_AT_ONCE = 1_000


class Source(NamedTuple):
    """A net's name, and the hash of its source."""

    name: str
    hash: str


class Likeness:
    """Sources by their sketches."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._trees: dict[str, list[Source]] = {}
        self._signatures = np.empty((0, WIDTH), dtype=np.uint32)

    @classmethod
    def of(cls, sources: Mapping[str, str]) -> Likeness:
        """Return that of some sources, by name."""
        found = cls()
        for name, code in sources.items():
            if (one := sketch_of(code)) is not None:
                found.add(Source(name, code_hash(code)), one)
        return found

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, source: Source, one: Sketch) -> None:
        """Add a source, once."""
        known = self._trees.setdefault(one.tree, [])
        if source in known:
            return
        known.append(source)
        if len(self) == len(self._signatures):
            # Half as many again: one by one, each addition would copy all.
            room = np.empty((len(self) // 2 + 64, WIDTH), dtype=np.uint32)
            self._signatures = np.concatenate([self._signatures, room])
        self._signatures[len(self)] = one.signature
        self._sources.append(source)

    def same(self, one: Sketch, but: Source | None = None) -> str | None:
        """Return the name of the source that was first added of those with the same tree."""
        return next((each.name for each in self._trees.get(one.tree, ()) if each != but), None)

    def nearest(self, one: Sketch, but: Source | None = None) -> tuple[str | None, float]:
        """Return the name of the most similar source and its similarity, 0 to 1."""
        shares = (self._signatures[: len(self)] == one.signature).mean(axis=1)
        if but in self._sources:
            shares[self._sources.index(but)] = -1
        best = int(shares.argmax()) if len(shares) else 0
        if not len(shares) or shares[best] < 0:
            return None, 0.0
        return self._sources[best].name, float(shares[best])


def read_likeness(
    connection: Connection,
    likeness: Likeness,
    sketched: Callable[[str], Sketch | None] = sketch_of,
) -> None:
    """Add all nets of the database to those that are known; write sketches that had to be made.

    Args:
        connection: To the database.
        likeness: What is known.
        sketched: Makes the sketch of a source that has none yet.
    """
    nn = schema.nn.c
    sketches, made = read_sketches(connection), {}
    for name, identity in connection.execute(select(nn.name, nn.hash).order_by(nn.id)).all():
        if identity not in sketches:
            if (one := sketched(read_texts(connection, [identity])[identity])) is None:
                continue
            sketches[identity] = made[identity] = one
        likeness.add(Source(name, identity), sketches[identity])
    write_sketches(connection, made)


def read_sketches(connection: Connection) -> dict[str, Sketch]:
    """Return the sketches that are kept, by the hash of their source."""
    rows = connection.execute(select(schema.sketch))
    return {row.hash: Sketch(row.tree, np.frombuffer(row.signature, "<u4")) for row in rows}


def write_sketches(connection: Connection, made: Mapping[str, Sketch]) -> None:
    """Keep sketches, by the hash of their source."""
    insert = insert_once(connection.dialect, schema.sketch)
    rows = [
        {"hash": identity, "tree": one.tree, "signature": one.signature.astype("<u4").tobytes()}
        for identity, one in made.items()
    ]
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(insert, rows[start : start + _AT_ONCE])


def families(sketches: Iterable[Sketch], alike: float) -> list[int]:
    """Return a number for each sketch, the same for those that a chain of near copies links.

    Args:
        sketches: To be told apart.
        alike: The similarity from which two are near copies, 0 to 1.
    """
    signatures = np.array([one.signature for one in sketches], dtype=np.uint32).reshape(-1, WIDTH)
    family = np.full(len(signatures), -1)
    for first in range(len(signatures)):
        if family[first] < 0:
            family[first] = first
            waiting = [first]
            while waiting:
                near = (signatures == signatures[waiting.pop()]).mean(axis=1) >= alike
                found = np.flatnonzero(near & (family < 0))
                family[found] = first
                waiting.extend(found.tolist())
    return [int(one) for one in family]
