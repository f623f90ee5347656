"""Read a zoo in the published layout into a folder of lemur's."""

from __future__ import annotations

import csv
import json
import math
import pickle
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from lemur_core.files import replacement, write_errors
from lemur_zoo.layout.names import ITERATION, KEYS, SCORE_KEYS, SPLITS, UNKNOWN, values_of
from lemur_zoo.members import GroupState
from lemur_zoo.parameters import Parameter
from lemur_zoo.spec.population import ZooMember, members_of
from lemur_zoo.spec.spec import ZooSpec
from lemur_zoo.storage.folder import EXTRA, ZooFolder, create
from lemur_zoo.storage.header import ZooError, ZooHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray

_CHECKPOINT = re.compile(r"checkpoint_(\d{1,9})")
_PARAMETER = re.compile(r"(.*?)(\d+)\.(weight|bias)")
_OF_NET = {2_464: ("CNN-S", 28), 2_864: ("CNN-S", 28), 10_565: ("CNN-M", 32), 10_853: ("CNN-M", 32)}
"""The published nets by their number of parameters."""
# Columns of results that are no measurements.
_BOOKKEEPING = frozenset({
    ITERATION, "config", "date", "done", "episodes_total", "experiment_id", "experiment_tag",
    "hostname", "iterations_since_restore", "node_ip", "pid", "time_since_restore",
    "time_this_iter_s", "time_total_s", "timestamp", "timesteps_since_restore", "timesteps_total",
    "trial_id", "warmup_time",
})  # fmt: skip


class _Published(NamedTuple):
    """A member in the published layout."""

    path: Path
    config: Mapping[str, Any]
    results: Mapping[int, Mapping[str, Any]]
    checkpoints: Mapping[int, Path]

    @property
    def epochs(self) -> list[int]:
        """The epochs that have a state, up to the first that lacks one."""
        epochs = sorted(self.checkpoints)
        return [epoch for place, epoch in enumerate(epochs) if epoch == epochs[0] + place]


class Imported(NamedTuple):
    """What an import read.

    Attributes:
        members: Number of members.
        left_out: A line on each member that has no state.
    """

    members: int
    left_out: Sequence[str]


def import_published(
    source: Path, out: Path, dataset: str, show: Callable[[str], None] = lambda _: None
) -> Imported:
    """Read a zoo in the published layout into a new folder.

    State dictionaries are read without running anything that a file contains.

    Args:
        source: The folder with a folder for each member.
        out: The new folder.
        dataset: Name of the dataset that the members were trained on.
        show: Called with a line on each member.

    Raises:
        ZooError: The source is no such zoo, or a file of it is damaged or not plain tensors.
        SettingsError: The folder has other files, or the disk is too small.
    """
    all_members = [_member(path) for path in sorted(source.glob("*/params.json"))]
    left_out = [
        f"{member.path.name} has no checkpoint" for member in all_members if not member.epochs
    ]
    published = [member for member in all_members if member.epochs]
    if not published:
        raise ZooError(
            f"{source}: is not a zoo in the published layout; expected folders with params.json "
            "and checkpoint_*/checkpoints"
        )
    shared = _json(source / "config.json") if (source / "config.json").is_file() else {}
    members = _members(source, published, shared)
    first = {member.epochs[0] for member in published}
    if len(first) > 1:
        raise ZooError(f"{source}: its members begin with the epochs {sorted(first)}; expected one")
    header = _header(source, published, members, dataset, min(first), shared)
    create(out, header, members)
    folder = ZooFolder(out, header, writable=True)
    for group, numbers in enumerate(header.groups):
        _store(folder, group, [published[number] for number in numbers], show)
    _write_extra(out, published)
    return Imported(len(members), left_out)


def _member(params: Path) -> _Published:
    path = params.parent
    results: dict[int, Mapping[str, Any]] = {}
    if (path / "result.json").is_file():
        for number, line in enumerate((path / "result.json").read_text().splitlines(), 1):
            row = _parsed(line, f"{path / 'result.json'}:{number}")
            # A training that was restored writes some epochs again; the last ones count.
            results[int(row.get(ITERATION, number))] = row
    checkpoints = {
        int(match[1]): folder / "checkpoints"
        for folder in path.iterdir()
        if (match := _CHECKPOINT.fullmatch(folder.name)) and (folder / "checkpoints").is_file()
    }
    return _Published(path, _json(params), results, checkpoints)


def _members(
    source: Path, published: Sequence[_Published], shared: Mapping[str, Any]
) -> list[ZooMember]:
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


def _splits(source: Path, published: Sequence[_Published]) -> list[str]:
    """Return the splits of members in ``index_dict.json``; if it has none, those of lemur."""
    path = source / "index_dict.json"
    index = _json(path) if path.is_file() else {}
    by_name = {
        str(name).rstrip("/").rpartition("/")[2]: split
        for split, key in SPLITS.items()
        for name in index.get(key, ())
    }
    if all(member.path.name in by_name for member in published):
        return [by_name[member.path.name] for member in published]
    spec = ZooSpec("", "", "", {}, sample=len(published))
    return [member.split for member in members_of(spec, 0, len(published))]


def _header(
    source: Path,
    published: Sequence[_Published],
    members: Sequence[ZooMember],
    dataset: str,
    first: int,
    shared: Mapping[str, Any],
) -> ZooHeader:
    config = {**shared, **published[0].config}
    state = _state(published[0].checkpoints[first])
    named = [Parameter(name, tuple(value.shape)) for name, value in state]
    width = sum(parameter.elements for parameter in named)
    net, px = _OF_NET.get(width, (str(config.get("model::type", "net")), 0))
    channels = int(config.get("model::channels_in", named[0].shape[1]))
    factors = {
        name: tuple(dict.fromkeys(member.values[name] for member in members)) for name in KEYS
    }
    last = [member.epochs[-1] for member in published]
    spec = ZooSpec(
        source.resolve().name,
        dataset,
        net,
        factors,
        px,
        channels,
        max(last),
        sample=len(members),
    )
    return ZooHeader(
        uid=_uid(members, named, source),
        spec=spec,
        members=len(members),
        epochs=max(last),
        parameters=_renamed(net, named),
        in_shape=(1, channels, px, px),
        classes=named[-1].shape[0],
        fingerprint="",
        images={},
        groups=[
            [number for number, epoch in enumerate(last) if epoch == each]
            for each in sorted(set(last))
        ],
        versions={},
        provenance=f"the published layout, from {source.resolve().name}",
        first_epoch=first,
    )


def _uid(members: Sequence[ZooMember], named: Sequence[Parameter], source: Path) -> str:
    from hashlib import sha256

    text = f"{source.resolve().name} {named} {[(item.seed, dict(item.values)) for item in members]}"
    return sha256(text.encode()).hexdigest()[:32]


def _renamed(net: str, named: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Return the parameters with the names that lemur's net gives them, in the same order."""
    from lemur_core import installed
    from lemur_core.errors import LemurError
    from lemur_zoo.nets import ZooNet

    channels, classes = named[0].shape[1], named[-1].shape[0]
    try:
        px = {"CNN-S": 28, "CNN-M": 32}[net]
        zoo_net = ZooNet(installed().get("net", net), (1, channels, px, px), classes)
        own = zoo_net.parameters({"activation": "tanh", "init": "uniform", "dropout": 0.0})
    except (KeyError, LemurError):
        return tuple(named)
    same = [parameter.shape for parameter in own] == [parameter.shape for parameter in named]
    return own if same else tuple(named)


def _store(
    folder: ZooFolder, group: int, published: Sequence[_Published], show: Callable[[str], None]
) -> None:
    header = folder.header
    rows = list(header.groups[group])
    last = published[0].epochs[-1]
    for row, member in zip(rows, published, strict=True):
        show(f"member {row + 1} of {header.members}: {member.path.name}")
        for epoch in member.epochs:
            folder.weights[row, epoch] = _row(header, member, epoch)
            folder.metrics[row, epoch] = _scores(member.results.get(epoch, {}))
    moments = [_moments(header, member, last) for member in published]
    state = GroupState(
        np.ascontiguousarray(folder.weights[rows, last]),
        np.stack([first for first, _, _ in moments]),
        np.stack([second for _, second, _ in moments]),
        moments[0][2],
    )
    folder.commit(group, last, state, folder.metrics[rows, last], ())


def _row(header: ZooHeader, member: _Published, epoch: int) -> NDArray[float32]:
    path = member.checkpoints[epoch]
    state = _state(path)
    shapes = [tuple(value.shape) for _, value in state]
    expected = [parameter.shape for parameter in header.parameters]
    if shapes != expected:
        raise ZooError(
            f"{path}: its tensors have the shapes {shapes}, those of the first member {expected}; "
            "the members of a zoo have one architecture"
        )
    return torch.cat([value.reshape(-1) for _, value in state]).float().numpy()


def _state(path: Path) -> list[tuple[str, torch.Tensor]]:
    """Return a state dictionary in the order of its layers, weight before bias."""
    state = _tensors(path)
    if not isinstance(state, dict) or not state:
        raise ZooError(f"{path}: is not a state dictionary")
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise ZooError(f"{path}: {name!r} is not a tensor")
    numbered = {name: _PARAMETER.fullmatch(name) for name in state}
    if not all(numbered.values()):
        return list(state.items())
    order = {name: (int(match[2]), match[3] == "bias") for name, match in numbered.items() if match}
    return [(name, state[name]) for name in sorted(state, key=order.__getitem__)]


def _tensors(path: Path) -> Any:
    try:
        # torch warns of some files that it refuses.
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ZooError(
            f"{path}: has other objects than tensors, which could run code; it is not read"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ZooError(f"{path}: is damaged ({type(error).__name__})") from None


def _moments(
    header: ZooHeader, member: _Published, epoch: int
) -> tuple[NDArray[float32], NDArray[float32], int]:
    """Return the optimizer's moments and steps after an epoch; zeros if they are not stored."""
    none = np.zeros(header.width, np.float32)
    path = member.checkpoints[epoch].with_name("optimizer")
    if not path.is_file():
        return none, none, 0
    states = _tensors(path).get("state", {})
    if len(states) != len(header.parameters):
        return none, none, 0
    rows = [states[number] for number in sorted(states)]

    def joined(*names: str) -> NDArray[float32]:
        parts = [row.get(name) for row in rows for name in names if name in row]
        if len(parts) != len(rows) or any(part is None for part in parts):
            return none
        return torch.cat([part.reshape(-1) for part in parts]).float().numpy()

    steps = int(rows[0].get("step", 0))
    return joined("exp_avg", "momentum_buffer"), joined("exp_avg_sq"), steps


def _scores(row: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the scores in a row of results, NaN where nothing was measured."""
    values = []
    for keys in SCORE_KEYS.values():
        value = next((row[key] for key in keys if key in row), UNKNOWN)
        values.append(math.nan if value is None or value == UNKNOWN else float(value))
    return np.array(values).reshape(3, 2)


def _write_extra(out: Path, published: Sequence[_Published]) -> None:
    """Write the further columns of results, such as measures of the Hessian."""
    known = {*_BOOKKEEPING, *(key for keys in SCORE_KEYS.values() for key in keys)}
    columns = {
        name: None
        for member in published
        for row in member.results.values()
        for name, value in row.items()
        if name not in known and isinstance(value, int | float | None)
    }
    if not columns:
        return
    path = out / EXTRA
    with (
        write_errors(path),
        replacement(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["member", "epoch", *columns])
        for number, member in enumerate(published):
            for epoch, row in sorted(member.results.items()):
                table.writerow([number, epoch, *(row.get(name, "") for name in columns)])


def _json(path: Path) -> dict[str, Any]:
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ZooError(f"{path}: {error.strerror}") from None


def _parsed(text: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise ZooError(f"{place}: is damaged: it is not JSON") from None
    if not isinstance(value, dict):
        raise ZooError(f"{place}: is damaged: expected a JSON object")
    return value
