"""Your zoos that have the names of published ones, and how they differ from these."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import lemur_core
from lemur_core.errors import MissingDataError, StoreError
from lemur_zoo.records import NAME, recognises
from lemur_zoo.spec.published import PUBLISHED
from lemur_zoo.storage.header import ZooError
from lemur_zoo.zoo import Zoo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lemur_analysis.papers.paper import Sources

_OF_SPEC = ("dataset", "net", "px", "channels", "validation", "seeds", "start", "width", "augment")
_NAMED = 3


class OwnZoos:
    """The zoos in a folder and in a database that have names of published ones.

    Args:
        sources: The folder, which is a zoo or has zoos in it, and the database.

    Attributes:
        damaged: A line for each zoo that cannot be read.
    """

    def __init__(self, sources: Sources) -> None:
        self._folders: dict[str, list[Path]] = {}
        self.damaged: list[str] = []
        for path in (*_in_folder(sources.folder), *_in_database(sources)):
            try:
                name = Zoo(path).name
            except ZooError as error:
                # The other zoos are still compared.
                self.damaged.append(str(error))
                continue
            known = self._folders.setdefault(name, [])
            if name in PUBLISHED and not any(path.samefile(other) for other in known):
                known.append(path)

    @property
    def names(self) -> Sequence[str]:
        """Names of the zoos that are there, in the order of the published ones."""
        return [name for name in PUBLISHED if self._folders.get(name)]

    def zoo(self, name: str) -> Zoo:
        """Return a zoo.

        Raises:
            MissingDataError: There is none, or several have the name.
        """
        folders = self._folders.get(name, [])
        if len(folders) > 1:
            raise MissingDataError(
                f"several zoos are called {name!r}: {', '.join(map(str, folders[:_NAMED]))}; set "
                "--data to the folder of one of them"
            )
        if not folders:
            damaged = "".join(f"; {line}" for line in self.damaged)
            raise MissingDataError(
                f"there is no zoo {name!r}: make it with lemur zoo make {name} --out {name}, or "
                f"set --data to the zoo's folder, or to a folder of zoos{damaged}"
            )
        return Zoo(folders[0])


def _in_folder(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        return
    for path in (folder, *sorted(folder.iterdir())):
        if recognises(path):
            yield path


def _in_database(sources: Sources) -> Iterator[Path]:
    """Yield the folders from which zoos were recorded, those that still hold them."""
    if sources.folder is not None or sources.db is None:
        return
    try:
        collections = lemur_core.collections(db=sources.db)
    except StoreError:
        # What needs a zoo then says how to make it.
        return
    for summary in collections:
        if summary.kind != NAME:
            continue
        # A second zoo of a name is recorded under another one.
        spec = lemur_core.collection(summary.name, db=sources.db).spec
        if spec.get("name") not in PUBLISHED:
            continue
        uid = spec["uid"]
        recorded = sources.results(collection=summary.name, columns=["source"])["source"]
        for place in recorded.dropna().unique():
            path = Path(place)
            if recognises(path) and _uid_of(path) in (uid, None):
                yield path


def _uid_of(path: Path) -> str | None:
    """Return the unique id of the zoo in a folder; None if it is damaged."""
    try:
        return Zoo(path).header.uid
    except ZooError:
        return None


def dispute_of(name: str, zoos: OwnZoos) -> str:
    """Return how a zoo differs from the published one; empty if it does not, or is missing."""
    try:
        text = differences(zoos.zoo(name))
    except MissingDataError:
        return ""
    return f"your {name} is another zoo than the published one: {text}" if text else ""


def differences(zoo: Zoo) -> str:
    """Return how a zoo differs from the published one of its name, an empty text if it does not.

    Members are compared by their number and their factors.
    """
    return ", ".join(_differences(zoo))


def _differences(zoo: Zoo) -> Iterator[str]:
    published, header = PUBLISHED[zoo.name], zoo.header
    if header.provenance:
        # An imported zoo does not say how its images were prepared.
        yield from ()
    else:
        for name in _OF_SPEC:
            ours, theirs = getattr(zoo.spec, name), getattr(published, name)
            if ours != theirs:
                yield f"{name} {ours}, not {theirs}"
    yield from _of_factors(zoo.spec.factors, published.factors)
    if len(zoo) != published.members:
        yield f"{len(zoo):,} of {published.members:,} members"
    if zoo.compared_epoch != published.epochs:
        yield f"epoch {zoo.compared_epoch} of {published.epochs}"


def _of_factors(
    ours: Mapping[str, Sequence[object]], theirs: Mapping[str, Sequence[object]]
) -> Iterator[str]:
    for name, values in ours.items():
        if set(values) != set(theirs[name]):
            texts = (" or ".join(map(str, given)) for given in (values, theirs[name]))
            yield f"{name} {', not '.join(texts)}"
