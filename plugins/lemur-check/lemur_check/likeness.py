"""The sources that are known, and which of them another is like."""

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
    """Sources by their sketches."""

    def __init__(self) -> None:
        self._sources: list[NamedSource] = []
        self._trees: dict[str, list[NamedSource]] = {}
        self._signatures = np.empty((0, WIDTH), dtype=np.uint32)

    @classmethod
    def of(cls, sources: Mapping[str, str]) -> Likeness:
        """Return that of some sources, by name."""
        found = cls()
        for name, code in sources.items():
            if (one := sketch_of(code)) is not None:
                found.add(NamedSource(name, code_hash(code)), one)
        return found

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, source: NamedSource, one: Sketch) -> None:
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

    def same(self, one: Sketch, but: NamedSource | None = None) -> str | None:
        """Return the name of the source that was first added of those with the same tree."""
        return next((each.name for each in self._trees.get(one.tree, ()) if each != but), None)

    def nearest(self, one: Sketch, but: NamedSource | None = None) -> tuple[str | None, float]:
        """Return the name of the most similar source and its similarity, 0 to 1."""
        shares = (self._signatures[: len(self)] == one.signature).mean(axis=1)
        if but in self._sources:
            shares[self._sources.index(but)] = -1
        best = int(shares.argmax()) if len(shares) else 0
        if not len(shares) or shares[best] < 0:
            return None, 0.0
        return self._sources[best].name, float(shares[best])


def read_likeness(
    database: CodeTransaction,
    likeness: Likeness,
    sketched: Callable[[str], Sketch | None] = sketch_of,
) -> None:
    """Add all nets of the database to those that are known; write sketches that had to be made.

    Args:
        database: What is read.
        likeness: What is known.
        sketched: Makes the sketch of a source that has none yet.
    """
    sketches, made = read_sketches(database), {}
    for source in database.sources():
        if source.hash not in sketches:
            if (one := sketched(database.texts([source.hash])[source.hash])) is None:
                continue
            sketches[source.hash] = made[source.hash] = one
        likeness.add(source, sketches[source.hash])
    write_sketches(database, made)


def read_sketches(database: CodeTransaction) -> dict[str, Sketch]:
    """Return the sketches that are recorded, by the hash of their source."""
    # Imported and damaged sketches are not used; they are computed again.
    own = (fact for fact in database.facts(FACT) if fact.origin is None)
    return {fact.hash: one for fact in own if (one := _sketch(fact.value)) is not None}


def write_sketches(database: CodeTransaction, made: Mapping[str, Sketch]) -> None:
    """Record sketches, by the hash of their source."""
    database.record(CodeFact(identity, FACT, _value(one)) for identity, one in made.items())


def _value(one: Sketch) -> dict[str, str]:
    return {"tree": one.tree, "signature": one.signature.astype("<u4").tobytes().hex()}


def _sketch(value: Any) -> Sketch | None:
    try:
        tree, signature = value["tree"], np.frombuffer(bytes.fromhex(value["signature"]), "<u4")
    except (LookupError, TypeError, ValueError):
        return None
    return Sketch(tree, signature) if isinstance(tree, str) and len(signature) == WIDTH else None


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
