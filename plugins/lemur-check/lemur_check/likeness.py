"""Find the known sources that are most similar to a source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_check.sketch import WIDTH, Sketch, sketch_of
from lemur_core.code import code_hash
from lemur_core.code_facts import CodeFact, CodeTransaction, NamedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FACT = "check.sketch"


class Likeness:
    """An index of known sources by their sketches."""

    def __init__(self) -> None:
        self._sources: list[NamedSource] = []
        self._trees: dict[str, list[NamedSource]] = {}
        self._signatures = np.empty((0, WIDTH), dtype=np.uint32)

    @classmethod
    def of(cls, sources: Mapping[str, str]) -> Likeness:
        """Return the index of the given sources, by name."""
        index = cls()
        for name, code in sources.items():
            if (sketch := sketch_of(code)) is not None:
                index.add(NamedSource(name, code_hash(code)), sketch)
        return index

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, source: NamedSource, sketch: Sketch) -> None:
        """Add a source unless it is present."""
        same_tree = self._trees.setdefault(sketch.tree, [])
        if source in same_tree:
            return
        same_tree.append(source)
        if len(self) == len(self._signatures):
            # Grow by half: growing by one would copy everything at each addition.
            room = np.empty((len(self) // 2 + 64, WIDTH), dtype=np.uint32)
            self._signatures = np.concatenate([self._signatures, room])
        self._signatures[len(self)] = sketch.signature
        self._sources.append(source)

    def same(self, sketch: Sketch, but: NamedSource | None = None) -> str | None:
        """Return the name of the first source added with the same tree, other than ``but``."""
        return next(
            (source.name for source in self._trees.get(sketch.tree, ()) if source != but), None
        )

    def nearest(self, sketch: Sketch, but: NamedSource | None = None) -> tuple[str | None, float]:
        """Return the most similar source's name and similarity, 0 to 1, other than ``but``."""
        shares = (self._signatures[: len(self)] == sketch.signature).mean(axis=1)
        if but in self._sources:
            shares[self._sources.index(but)] = -1
        best = int(shares.argmax()) if len(shares) else 0
        if not len(shares) or shares[best] < 0:
            return None, 0.0
        return self._sources[best].name, float(shares[best])


def read_likeness(
    database: CodeTransaction,
    likeness: Likeness,
    make_sketch: Callable[[str], Sketch | None] = sketch_of,
) -> None:
    """Add all nets of the database to the known sources, and write the sketches that were missing.

    Args:
        database: The database to read.
        likeness: The known sources.
        make_sketch: Returns the sketch of a source, or None if it has none.
    """
    sketches, missing = read_sketches(database), {}
    for source in database.sources():
        if source.hash not in sketches:
            if (sketch := make_sketch(database.texts([source.hash])[source.hash])) is None:
                continue
            sketches[source.hash] = missing[source.hash] = sketch
        likeness.add(source, sketches[source.hash])
    write_sketches(database, missing)


def read_sketches(database: CodeTransaction) -> dict[str, Sketch]:
    """Return the recorded sketches by the hash of their source."""
    # Sketches that were imported or are damaged are not used but computed again.
    sketches = {
        fact.hash: _sketch(fact.value) for fact in database.facts(FACT) if fact.origin is None
    }
    return {identity: sketch for identity, sketch in sketches.items() if sketch is not None}


def write_sketches(database: CodeTransaction, sketches: Mapping[str, Sketch]) -> None:
    """Record sketches by the hash of their source."""
    database.record(
        CodeFact(identity, FACT, _value(sketch)) for identity, sketch in sketches.items()
    )


def _value(sketch: Sketch) -> dict[str, str]:
    return {"tree": sketch.tree, "signature": sketch.signature.astype("<u4").tobytes().hex()}


def _sketch(value: Any) -> Sketch | None:
    try:
        tree, signature = value["tree"], np.frombuffer(bytes.fromhex(value["signature"]), "<u4")
    except (LookupError, TypeError, ValueError):
        return None
    return Sketch(tree, signature) if isinstance(tree, str) and len(signature) == WIDTH else None


def families(sketches: Iterable[Sketch], alike: float) -> list[int]:
    """Return a number for each sketch, equal for sketches linked by a chain of near copies.

    Args:
        sketches: The sketches to group.
        alike: The similarity from which two sketches are near copies, 0 to 1.
    """
    signatures = np.array([sketch.signature for sketch in sketches], dtype=np.uint32).reshape(
        -1, WIDTH
    )
    family = np.full(len(signatures), -1)
    for first in range(len(signatures)):
        if family[first] < 0:
            family[first] = first
            pending = [first]
            while pending:
                near = (signatures == signatures[pending.pop()]).mean(axis=1) >= alike
                members = np.flatnonzero(near & (family < 0))
                family[members] = first
                pending.extend(members.tolist())
    return [int(number) for number in family]
