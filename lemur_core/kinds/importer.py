"""Importers of results from elsewhere: the contract.

An importer's target is an object with two functions; a module that defines them is one:

    def recognises(place):
        return place.name == "zoo.csv"

    def read(place, *, seeds="all"):
        for row in csv.DictReader(place.open()):
            yield EpochRecord("img-classification", "mnist", "acc", "CNN", prm, epoch, accuracy)

``lemur db import zoo.csv`` asks each importer whether it recognises the place, and takes in what
the one that does yields. The options are keyword-only parameters of ``read``, each with a default,
whose type, bool, int, float or str, is that of the option: ``--format zoos:seeds=first``.

What is taken in again changes nothing. A record that cannot be one becomes a `Fault`; the others
are taken in, also those before an error that ``read`` raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lemur_core.errors import ContractError, SettingsError
from lemur_core.options import Selection, option_values

if TYPE_CHECKING:
    from lemur_core.registry import Registry


class Membership(NamedTuple):
    """A collection that a trial is a member of, as `lemur_core.collect` makes one.

    Attributes:
        collection: Its name.
        role: Of the trial in it. Members of a role have the order of their first records.
        kind: What the collection is, ``pair`` for example.
        spec: What its members have in common: JSON.
        provenance: Where it comes from: JSON.
    """

    collection: str
    role: str = "member"
    kind: str = "set"
    spec: Any = None
    provenance: Any = None


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What a source says of one epoch of one trial.

    Attributes:
        task: Of the pipeline; none of the four names holds ``_``.
        dataset: Of the pipeline.
        metric: Of the pipeline.
        nn: Of the pipeline: the name of the net.
        prm: The trial's hyperparameters: JSON values by name.
        epoch: Number of the epoch, from 1.
        accuracy: Score on the test split, 0 to 1, whatever the metric.
        validation: Score on the validation split, 0 to 1; None if unknown.
        loss: Mean training loss; None if unknown.
        duration_ns: Nanoseconds of training up to the end of the epoch; None if unknown.
        trial: What the source calls the trial, the same for all of its epochs and for no other
            trial of the pipeline with these hyperparameters. Empty where the source does not tell
            trials apart: records that agree in ``prm`` then share a trial as far as their epochs
            differ.
        code: The net's source, the same for all epochs of a trial; empty if unknown. It needs
            ``trial``.
        extra: What else the source says of the epoch: JSON values by name.
        facts: Facts of the epoch, as `lemur_core.record` takes them; they need ``trial``.
        trial_facts: Facts of the trial as a whole, likewise.
        memberships: Collections that the trial belongs to, likewise. A collection of the same name,
            kind and spec gets the trial as a further member.
        place: Where the record is in the source, ``zoo.csv:12`` say; shown if it is refused.
    """

    task: str
    dataset: str
    metric: str
    nn: str
    prm: Mapping[str, Any]
    epoch: int
    accuracy: float
    validation: float | None = None
    loss: float | None = None
    duration_ns: int | None = None
    trial: str = ""
    code: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    trial_facts: Mapping[str, Any] = field(default_factory=dict)
    memberships: Sequence[Membership] = ()
    place: str = ""


class Fault(NamedTuple):
    """Something that could not be taken in.

    Attributes:
        place: Where it is in the source.
        reason: Why, in one line.
    """

    place: str
    reason: str


class Importer(Protocol):
    """Reads results that something else recorded."""

    def recognises(self, place: Path) -> bool:
        """Return whether ``place``, a file or folder, is in this importer's format.

        It looks at as little as it can, and returns False for anything that it cannot read.
        """
        ...

    def read(self, place: Path) -> Iterable[EpochRecord | Fault]:
        """Yield the records of a place, and what cannot be read.

        Records of one pipeline that follow each other are written sooner.

        Raises:
            SettingsError: An option is out of range, or the place is in another format.
        """
        ...


Reader = Callable[[Path], Iterable[Any]]


def importer(registry: Registry, selection: Selection) -> Reader:
    """Return the ``read`` of the importer that a user selects, with its options.

    Raises:
        UnknownNameError: There is no such importer.
        PluginError: It cannot be imported.
        ContractError: It is none.
        SettingsError: It has no such option, or a value is not of its type.
    """
    target = _checked(registry.get("importer", selection.name).load(), selection.name)
    return partial(target.read, **option_values("importer", target.read, selection))


def recognised(registry: Registry, place: Path, warn: Callable[[str], None]) -> str:
    """Return the name of the importer that recognises a place.

    Args:
        registry: What is installed.
        place: A file or folder.
        warn: Told of each importer that fails.

    Raises:
        SettingsError: There is no such file or folder, it is a pipe or a device, or none or several
            recognise it.
    """
    if not place.exists():
        raise SettingsError(f"{place}: there is no such file or folder")
    if not (place.is_file() or place.is_dir()):
        # A pipe would be waited for, and a device read without end.
        raise SettingsError(f"{place}: is no file or folder")
    names = registry.names("importer")
    found = []
    for name, entry in names.items():
        try:
            if _checked(entry.load(), name).recognises(place):
                found.append(name)
        # A stranger's importer may raise anything; the others can still be asked.
        except (Exception, SystemExit) as error:
            why = f"{type(error).__name__}: {error}".partition("\n")[0]
            warn(f"importer {name!r} cannot say whether it recognises {place}: {why}")
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"{place}: several importers recognise it; name one with --format: {', '.join(found)}"
        )
    raise SettingsError(
        f"{place}: no importer recognises it; name one with --format: {', '.join(names)}"
    )


def _checked(target: Any, name: str) -> Importer:
    for function in ("recognises", "read"):
        if not callable(getattr(target, function, None)):
            raise ContractError(f"importer {name!r}: has no function {function}(place)")
    return target  # type: ignore[no-any-return]
