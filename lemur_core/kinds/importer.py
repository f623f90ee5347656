"""The contract of importers, which read results that other programs recorded.

An importer's target is an object with two functions, for example a module that defines them:

    def recognises(place):
        return place.name == "zoo.csv"

    def read(place, *, seeds="all"):
        for row in csv.DictReader(place.open()):
            yield EpochRecord("img-classification", "mnist", "acc", "CNN", prm, epoch, accuracy)

``lemur db import zoo.csv`` asks each importer whether it recognises the path, and imports the
records of the importer that does. The options are the keyword-only parameters of ``read``. Each has
a default, whose type (bool, int, float or str) is the type of the option. The command line sets
them with ``--format zoos:seeds=first``.

Importing the same records again changes nothing. An invalid record becomes a `Fault`; the other
records are imported, including those that precede an error raised by ``read``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lemur_core.errors import ContractError, SettingsError, error_text
from lemur_core.options import Selection, option_values

if TYPE_CHECKING:
    from lemur_core.registry import Registry


class Membership(NamedTuple):
    """A trial's membership of a collection, as `lemur_core.collect` creates one.

    Attributes:
        collection: The name of the collection.
        role: The trial's role in it. Members with one role are ordered by their first records.
        kind: The kind of the collection, for example ``pair``.
        spec: What the members have in common: JSON.
        provenance: Where the collection comes from: JSON.
    """

    collection: str
    role: str = "member"
    kind: str = "set"
    spec: Any = None
    provenance: Any = None


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The record of one epoch of one trial.

    Attributes:
        task: The pipeline's task. None of the four names of a pipeline contains ``_``.
        dataset: The pipeline's dataset.
        metric: The pipeline's metric.
        nn: The name of the pipeline's net.
        prm: The trial's hyperparameters: JSON values by name.
        epoch: The number of the epoch, from 1.
        accuracy: The score on the test split, 0 to 1, whatever the metric.
        validation: The score on the validation split, 0 to 1; None if unknown.
        loss: The mean training loss; None if unknown.
        validation_loss: The mean loss on the validation split; None if unknown.
        duration_ns: The training time up to the end of the epoch, in nanoseconds; None if unknown.
        trial: The source's identifier of the trial, the same for all of its epochs and different
            from that of every other trial of the pipeline with these hyperparameters. Empty if the
            source does not distinguish trials: records with the same ``prm`` then belong to the
            same trial unless their epochs collide.
        code: The net's source code, the same for all epochs of a trial; empty if unknown. Requires
            ``trial``.
        extra: Other values of the epoch in the source: JSON values by name.
        facts: Facts of the epoch, as accepted by `lemur_core.record`. Requires ``trial``.
        trial_facts: Facts of the whole trial, in the same form. Requires ``trial``.
        memberships: The collections that the trial belongs to. If there is a collection of this
            name, kind and spec, the trial is added to it. Requires ``trial``.
        place: The position of the record in the source, for example ``zoo.csv:12``; shown if the
            record is rejected.
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
    validation_loss: float | None = field(default=None, kw_only=True)
    duration_ns: int | None = None
    trial: str = ""
    code: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    trial_facts: Mapping[str, Any] = field(default_factory=dict)
    memberships: Sequence[Membership] = ()
    place: str = ""


class Fault(NamedTuple):
    """Something that cannot be imported.

    Attributes:
        place: Its position in the source.
        reason: Why it cannot be imported, in one line.
    """

    place: str
    reason: str


class Importer(Protocol):
    """Reads results that another program recorded."""

    def recognises(self, place: Path) -> bool:
        """Return whether ``place``, a file or folder, is in this importer's format.

        Read as little as possible, and return False for anything that cannot be read.
        """
        ...

    def read(self, place: Path) -> Iterable[EpochRecord | Fault]:
        """Yield the records of a file or folder, and a `Fault` for whatever cannot be read.

        Importing is faster if the records of a pipeline follow each other.

        Raises:
            SettingsError: An option is out of range, or ``place`` is in another format.
        """
        ...


Reader = Callable[[Path], Iterable[Any]]


def importer(registry: Registry, selection: Selection) -> Reader:
    """Return the ``read`` function of the selected importer, with its options.

    Raises:
        UnknownNameError: There is no such importer.
        PluginError: The entry's target cannot be loaded.
        ContractError: The entry's target is not an importer.
        SettingsError: There is no such option, or a value is not of the option's type.
    """
    target = _checked(registry.get("importer", selection.name).load(), selection.name)
    return partial(target.read, **option_values("importer", target.read, selection))


def recognised(registry: Registry, place: Path, warn: Callable[[str], None]) -> str:
    """Return the name of the importer that recognises a file or folder.

    Args:
        registry: The registry of the installed plugins.
        place: A file or folder.
        warn: Called with a message for each importer that fails.

    Raises:
        SettingsError: There is no such file or folder, it is a pipe or a device, or not exactly one
            importer recognises it.
    """
    if not place.exists():
        raise SettingsError(f"{place}: there is no such file or folder")
    if not (place.is_file() or place.is_dir()):
        # Reading a pipe could block, and reading a device might never end.
        raise SettingsError(f"{place}: is no file or folder")
    names = registry.names("importer")
    matches = []
    for name, entry in names.items():
        try:
            if _checked(entry.load(), name).recognises(place):
                matches.append(name)
        # Third-party code may raise anything; the other importers can still be asked.
        except (Exception, SystemExit) as error:
            warn(f"importer {name!r} cannot say whether it recognises {place}: {error_text(error)}")
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise SettingsError(
            f"{place}: several importers recognise it; name one with --format: {', '.join(matches)}"
        )
    raise SettingsError(
        f"{place}: no importer recognises it; name one with --format: {', '.join(names)}"
    )


def _checked(target: Any, name: str) -> Importer:
    for function in ("recognises", "read"):
        if not callable(getattr(target, function, None)):
            raise ContractError(f"importer {name!r}: has no function {function}(place)")
    return target  # type: ignore[no-any-return]
