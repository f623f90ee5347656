"""Begin a zoo, continue it, and extend it by epochs or members."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lemur_core.errors import FetchError, MissingDataError, SettingsError
from lemur_zoo.engine.choice import LANES, UnusableEngineError
from lemur_zoo.images import SPLITS, load_images, pipeline_of
from lemur_zoo.nets import ZooNet
from lemur_zoo.schedule import ONE_CYCLE
from lemur_zoo.spec.population import members_of
from lemur_zoo.storage.folder import (
    ZooFolder,
    add_epochs,
    add_members,
    check_room,
    create,
    delete_leftovers,
)
from lemur_zoo.storage.header import FILE, ZooError, ZooHeader, read_header, write_header
from lemur_zoo.training import Start, ZooTraining, groups_of
from lemur_zoo.zoo import Zoo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray

    from lemur_core.fetch import Progress
    from lemur_zoo.images import ZooImages
    from lemur_zoo.spec.spec import ZooSpec

MANY_MEMBERS = 100_000
"""A zoo with more members is made only if that is confirmed."""


def check_spec(spec: ZooSpec, *, many: bool = False) -> None:
    """Raise `SettingsError` if a zoo cannot be made, or has too many members.

    Args:
        spec: The specification.
        many: Whether more than `MANY_MEMBERS` members are meant.
    """
    if spec.members > MANY_MEMBERS and not many:
        raise SettingsError(
            f"zoo {spec.name!r} has {spec.members:,} members; draw some with sample = N in "
            "[members], or confirm with --yes"
        )


def is_zoo(path: Path) -> bool:
    """Return whether a folder has the header of a zoo."""
    return (path / FILE).is_file()


def begin(spec: ZooSpec, path: Path, images: ZooImages) -> None:
    """Create the folder of a zoo without training it.

    Raises:
        LemurError: The net is not one of zoos, the folder has other files, or the disk is too
            small.
    """
    members = members_of(spec, 0, spec.members)
    net = _net(spec, images)
    header = ZooHeader(
        uid=uuid4().hex,
        spec=spec,
        members=len(members),
        epochs=spec.epochs,
        parameters=net.parameters(members[0].values),
        in_shape=images.in_shape,
        classes=images.classes,
        fingerprint=images.fingerprint,
        images={name: len(getattr(images, name).targets) for name in SPLITS},
        groups=groups_of(members, spec),
        buffers=net.buffers(members[0].values),
        versions=_versions(),
    )
    if spec.start:
        _check_start(header)
    create(path, header, members)


def images_of(spec: ZooSpec, data: Path, fetch: Progress | None = None) -> ZooImages:
    """Return the images of a zoo.

    Args:
        spec: The specification.
        data: Folder of the datasets.
        fetch: Called as a missing dataset is downloaded; None downloads nothing.

    Raises:
        LemurError: The dataset is missing, cannot be downloaded, or does not offer what the zoo
            needs.
    """
    try:
        return load_images(spec, data)
    except MissingDataError:
        loader = pipeline_of(spec).loader_entry.load()
        if fetch is None or not hasattr(loader, "download"):
            raise
    try:
        loader.download(data, fetch)
    except FetchError as error:
        raise FetchError(f"dataset {spec.dataset!r}: {error}") from error
    return load_images(spec, data)


def missing_epochs(spec: ZooSpec, path: Path) -> int:
    """Return how many epochs a folder lacks for the zoo of a specification.

    Raises:
        ZooError: The folder holds another zoo.
    """
    header = read_header(path)
    held, given = header.spec.to_json(), spec.to_json()
    for name, (before, now) in _differing(held, given).items():
        raise ZooError(
            f"{path}: holds a zoo with another {name}, {before}, not {now}; name another folder "
            "with --out"
        )
    return max(0, spec.epochs - header.epochs)


def _differing(held: dict[str, Any], given: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs of two specifications, except for the name and the number of epochs."""
    # What most zoos do not have is left out of a specification.
    names = [name for name in held | given if name not in ("name", "epochs", "factors")]
    pairs = {name: (held.get(name), given.get(name)) for name in names}
    before, now = held["factors"], given["factors"]
    pairs |= {name: (before.get(name), now.get(name)) for name in before | now}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def training_of(
    path: Path,
    data: Path,
    engine: str = "",
    *,
    epochs: int = 0,
    members: int = 0,
    fetch: Progress | None = None,
) -> ZooTraining:
    """Return the training of the zoo in a folder, which the caller has locked.

    Args:
        path: The folder.
        data: Folder of the datasets.
        engine: Name of the engine, or ``auto``; empty goes on with that of the epochs before.
        epochs: Number of epochs to add.
        members: Number of members to add.
        fetch: Called as a missing dataset is downloaded; None downloads nothing.

    Raises:
        LemurError: The zoo is damaged, its images are not those that it began with, the engine
            cannot be used, or the disk is too small. Nothing is added then.
    """
    header = read_header(path)
    _check_cycle(header, epochs)
    images = _own_images(path, header, data, fetch)
    training = _training(ZooFolder(path, header), images, engine)
    delete_leftovers(ZooFolder(path, header))
    if epochs or members:
        _extend(ZooFolder(path, header), epochs, members)
        header = read_header(path)
    if training.choice.name != header.engine:
        write_header(path, replace(header, engine=training.choice.name))
    return _training(ZooFolder(path, header, writable=True), images, training.choice.name)


def _check_cycle(header: ZooHeader, epochs: int) -> None:
    """Raise `ZooError` if epochs are to be added after the learning rate's cycle."""
    if epochs and ONE_CYCLE in header.spec.factors["schedule"]:
        raise ZooError(
            f"zoo {header.spec.name!r}: the cycle of its learning rate has {header.epochs} epochs, "
            "and none can be added to it; make another zoo of more epochs"
        )


def _own_images(path: Path, header: ZooHeader, data: Path, fetch: Progress | None) -> ZooImages:
    if header.provenance:
        raise ZooError(
            f"{path}: is imported, and its members cannot be trained on, as their images are not "
            "known"
        )
    images = images_of(header.spec, data, fetch)
    if images.fingerprint != header.fingerprint:
        raise ZooError(
            f"{path}: its members were trained on other images of {header.spec.dataset!r} than "
            f"those in {data}; set --data to the folder of the first ones"
        )
    return images


def _training(folder: ZooFolder, images: ZooImages, engine: str) -> ZooTraining:
    header = folder.header
    start = _start(header) if header.spec.start else None
    wanted = engine or header.engine or "auto"
    try:
        return ZooTraining(folder, images, _net(header.spec, images), wanted, start)
    except UnusableEngineError as error:
        if engine or header.engine != LANES:
            raise
        raise UnusableEngineError(
            f"{error}; continue with --engine grouped, which rounds otherwise"
        ) from None


def _extend(folder: ZooFolder, epochs: int, members: int) -> None:
    header = folder.header
    if members and header.spec.start:
        _check_start(header)
    longer = replace(header, epochs=header.epochs + epochs, members=header.members + members)
    # The arrays are copied for further epochs, and grow in place for further members.
    check_room(folder.path, longer.size - (0 if epochs else header.size))
    if epochs:
        extend_epochs(folder.path, epochs)
    if members:
        extend_members(folder.path, members)


def extend_epochs(path: Path, count: int) -> ZooHeader:
    """Make room for further epochs, which `training_of` then trains."""
    header = read_header(path)
    return add_epochs(ZooFolder(path, header), header.epochs + count)


def extend_members(path: Path, count: int) -> ZooHeader:
    """Add members, which `training_of` then trains.

    In a grid they repeat the combinations with further seeds.
    """
    header = read_header(path)
    folder = ZooFolder(path, header)
    added = members_of(header.spec, header.members, count)
    longer = header.with_members(count, groups_of(added, header.spec))
    add_members(folder, longer, [*folder.members(), *added])
    return longer


def _check_start(header: ZooHeader) -> Zoo:
    """Return the zoo from whose last states the members begin.

    Raises:
        ZooError: It is no zoo, its members have other parameters, or one of them has no epoch.
    """
    zoo = Zoo(header.spec.start)
    if _shapes(zoo.header) != _shapes(header):
        raise ZooError(
            f"start {header.spec.start!r}: its members have other parameters than those of zoo "
            f"{header.spec.name!r}; name a zoo of the same net, channels and classes"
        )
    zoo.at(-1, [int(zoo.last_epochs.argmin())])
    return zoo


def _shapes(header: ZooHeader) -> list[tuple[int, ...]]:
    return [item.shape for item in (*header.parameters, *header.buffers)]


def _start(header: ZooHeader) -> Start:
    """Return a function that gives the initial weights and buffers of members."""

    def initial(numbers: Sequence[int]) -> tuple[NDArray[float32], NDArray[float32]]:
        zoo = _check_start(header)
        theirs = [number % len(zoo) for number in numbers]
        return zoo.at(-1, theirs), zoo.buffers_at(-1, theirs)

    return initial


def _net(spec: ZooSpec, images: ZooImages) -> ZooNet:
    entry = pipeline_of(spec).net_entry
    return ZooNet(entry, images.in_shape, images.classes, spec.width)


def _versions() -> dict[str, str]:
    names = ("lemur-core", "lemur-zoo", "torch", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
