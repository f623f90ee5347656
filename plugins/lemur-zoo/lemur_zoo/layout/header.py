"""Describe a zoo in the published layout as lemur does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_zoo.layout.files import PublishedMember, read_json, read_state
from lemur_zoo.layout.names import KEYS, SPLITS, values_of
from lemur_zoo.parameters import Parameter
from lemur_zoo.spec.population import ZooMember, members_of
from lemur_zoo.spec.spec import ZooSpec
from lemur_zoo.storage.header import ZooError, ZooHeader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_OF_NET = {2_464: ("CNN-S", 28), 2_864: ("CNN-S", 28), 10_565: ("CNN-M", 32), 10_853: ("CNN-M", 32)}
"""The published nets by their number of parameters."""


def members_in(
    source: Path, published: Sequence[PublishedMember], shared: Mapping[str, Any]
) -> list[ZooMember]:
    """Return the members with their seeds, factors and splits.

    Args:
        source: The folder of the zoo.
        published: The members' files.
        shared: The configuration that they have in common.

    Raises:
        ZooError: A value is not a possible one, or a member has no split.
    """
    splits = _splits(source, published)
    members = []
    for number, member in enumerate(published):
        config = {**shared, **member.config}
        where = f"{member.path.name}/params.json"
        seed = config.get("seed")
        if type(seed) is not int:
            raise ZooError(f"{where}: seed is {seed!r}; expected a whole number")
        members.append(ZooMember(number, splits[number], seed, values_of(config, where)))
    return members


def _splits(source: Path, published: Sequence[PublishedMember]) -> list[str]:
    """Return the splits of members in ``index_dict.json``; if it has none, those of lemur."""
    path = source / "index_dict.json"
    index = read_json(path) if path.is_file() else {}
    by_name = {
        name.rstrip("/").rpartition("/")[2]: split
        for split, key in SPLITS.items()
        for name in _names(index.get(key, []), f"{path}: {key}")
    }
    if by_name:
        for member in published:
            if member.path.name not in by_name:
                raise ZooError(
                    f"{path}: names no split of {member.path.name}; add it to "
                    f"{', '.join(SPLITS.values())}, or delete the file to draw the splits"
                )
        return [by_name[member.path.name] for member in published]
    spec = ZooSpec("", "", "", {}, sample=len(published))
    return [member.split for member in members_of(spec, 0, len(published))]


def _names(value: Any, place: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ZooError(f"{place} is {value!r:.100}; expected a list of folders")
    return value


def header_of(
    source: Path,
    published: Sequence[PublishedMember],
    members: Sequence[ZooMember],
    dataset: str,
    shared: Mapping[str, Any],
) -> ZooHeader:
    """Return the header of a zoo, without groups.

    Args:
        source: The folder of the zoo.
        published: The members' files.
        members: The members.
        dataset: Name of the dataset that they were trained on.
        shared: The configuration that they have in common.

    Raises:
        ZooError: The members begin with several epochs, or the number of channels is unknown.
    """
    first, *others = sorted({member.epochs[0] for member in published})
    if others:
        raise ZooError(
            f"{source}: its members begin with the epochs {[first, *others]}; expected a single "
            "first epoch"
        )
    config = {**shared, **published[0].config}
    state = read_state(published[0].checkpoints[first])
    named = [Parameter(name, tuple(value.shape)) for name, value in state]
    width = sum(parameter.elements for parameter in named)
    net, px = _OF_NET.get(width, (str(config.get("model::type", "net")), 0))
    channels = _channels(config, named[0], published[0].path.name)
    factors = {
        name: tuple(dict.fromkeys(member.values[name] for member in members)) for name in KEYS
    }
    last = max(member.epochs[-1] for member in published)
    spec = ZooSpec(
        source.resolve().name,
        dataset,
        net,
        factors,
        px,
        channels,
        last,
        sample=len(members),
    )
    return ZooHeader(
        uid=_uid(members, named, source),
        spec=spec,
        members=len(members),
        epochs=last,
        parameters=_renamed(net, named),
        in_shape=(1, channels, px, px),
        classes=named[-1].shape[0] if named[-1].shape else 1,
        fingerprint="",
        images={},
        groups=[],
        versions={},
        provenance=f"the published layout, from {source.resolve().name}",
        first_epoch=first,
    )


def _channels(config: Mapping[str, Any], first: Parameter, name: str) -> int:
    key = "model::channels_in"
    value = config.get(key, first.shape[1] if len(first.shape) > 1 else None)
    if type(value) is not int or value < 1:
        raise ZooError(f"{name}/params.json: {key} is {value!r}; expected a whole number above 0")
    return value


def _uid(members: Sequence[ZooMember], named: Sequence[Parameter], source: Path) -> str:
    from hashlib import sha256

    text = f"{source.resolve().name} {named} {[(item.seed, dict(item.values)) for item in members]}"
    return sha256(text.encode()).hexdigest()[:32]


def _renamed(net: str, named: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Return the parameters with the names that lemur's net gives them, in the same order."""
    from lemur_core import installed
    from lemur_core.errors import LemurError
    from lemur_zoo.nets import ZooNet

    try:
        channels, classes = named[0].shape[1], named[-1].shape[0]
        px = {"CNN-S": 28, "CNN-M": 32}[net]
        zoo_net = ZooNet(installed().get("net", net), (1, channels, px, px), classes)
        own = zoo_net.parameters({"activation": "tanh", "init": "uniform", "dropout": 0.0})
    except (LookupError, LemurError):
        return tuple(named)
    same = [parameter.shape for parameter in own] == [parameter.shape for parameter in named]
    return own if same else tuple(named)
