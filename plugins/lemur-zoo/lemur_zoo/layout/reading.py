"""Read a zoo in the published layout into a folder of lemur's."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from lemur_core import dataset_named, installed
from lemur_core.files import replacement, write_errors
from lemur_zoo.layout.files import (
    DamagedError,
    PublishedMember,
    is_buffer,
    read_dictionary,
    read_json,
    read_member,
    read_state,
)
from lemur_zoo.layout.header import header_of, members_in
from lemur_zoo.layout.moments import Moments, read_moments
from lemur_zoo.layout.names import ITERATION, SCORE_KEYS
from lemur_zoo.members import GroupState
from lemur_zoo.spec.spec import METRIC, TASK
from lemur_zoo.storage.folder import EXTRA, ZooFolder, check_empty, create
from lemur_zoo.storage.header import ZooError, write_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray

    from lemur_zoo.storage.header import ZooHeader

# Columns of results that are no measurements.
_BOOKKEEPING = frozenset({
    ITERATION, "config", "date", "done", "episodes_total", "experiment_id", "experiment_tag",
    "hostname", "iterations_since_restore", "node_ip", "pid", "time_since_restore",
    "time_this_iter_s", "time_total_s", "timestamp", "timesteps_since_restore", "timesteps_total",
    "trial_id", "warmup_time",
})  # fmt: skip


class Imported(NamedTuple):
    """What an import read.

    Attributes:
        members: Number of members.
        left_out: A line on each member that is left out.
        shortened: A line on each member that ends before its last checkpoint because a file is
            damaged, or lacks its optimizer's state because of that.
        notes: Lines on the zoo as a whole: what else was not read.
    """

    members: int
    left_out: Sequence[str]
    shortened: Sequence[str] = ()
    notes: Sequence[str] = ()


def import_published(
    source: Path, out: Path, dataset: str, show: Callable[[str], None] = lambda _: None
) -> Imported:
    """Read a zoo in the published layout into a new folder.

    State dictionaries are read without running anything that a file contains. A member with a
    damaged file is read up to the epoch before it.

    Args:
        source: The folder with a folder for each member.
        out: The new folder.
        dataset: Name of the dataset that the members were trained on.
        show: Called with a line on each member.

    Raises:
        ZooError: The source is no such zoo, or a file says what it cannot. There is no new folder
            then.
        LemurError: There is no such dataset, the folder has other files, or the disk is too small.
    """
    dataset = dataset_named(installed(), dataset, TASK, METRIC)
    check_empty(out)
    published, left_out = _published(source)
    shared = read_json(source / "config.json") if (source / "config.json").is_file() else {}
    members = members_in(source, published, shared)
    header = header_of(source, published, members, dataset, shared)
    with replacement(out, folder=True) as temporary:
        create(temporary, header, members, out)
        shortened = _store(temporary, header, published, show)
        _write_extra(temporary, published)
    shortened = [*_damaged_results(published), *shortened]
    return Imported(len(members), left_out, shortened, [*_notes(published)])


def _published(source: Path) -> tuple[list[PublishedMember], list[str]]:
    """Return the members that have a state, and a line on each of the others."""
    published, left_out = [], []
    for params in sorted(source.glob("*/params.json")):
        member = read_member(params.parent)
        if fault := _fault(member):
            left_out.append(fault)
        else:
            published.append(member)
    if not published:
        reason = f" ({left_out[0]})" if left_out else ""
        raise ZooError(
            f"{source}: is not a zoo in the published layout{reason}; expected folders with "
            "params.json and checkpoint_*/checkpoints"
        )
    return published, left_out


def _fault(member: PublishedMember) -> str:
    """Return why a member has no state, an empty text if it has some."""
    if not member.epochs:
        return member.damage or f"{member.path.name} has no checkpoint"
    try:
        read_state(member.checkpoints[member.epochs[0]])
    except DamagedError as error:
        return str(error)
    return ""


def _damaged_results(published: Sequence[PublishedMember]) -> list[str]:
    return [
        f"{member.path.name} ends with epoch {member.epochs[-1]}: {member.damage}"
        for member in published
        if member.damage
    ]


def _notes(published: Sequence[PublishedMember]) -> Iterator[str]:
    gaps = [member for member in published if len(member.epochs) < len(member.checkpoints)]
    if gaps:
        lost = sum(len(member.checkpoints) - len(member.epochs) for member in gaps)
        member = gaps[0]
        yield (
            f"checkpoints after a missing one are left out: {lost:,} in all, of {len(gaps):,} of "
            f"{len(published):,} members; the first is {member.path.name}, which lacks epoch "
            f"{member.epochs[-1] + 1}"
        )
    state = read_dictionary(published[0].checkpoints[published[0].epochs[0]])
    buffers = [str(name) for name in state if is_buffer(str(name))]
    if buffers:
        yield (
            f"{len(buffers):,} buffers of batch normalisation, such as {buffers[0]}, are left out "
            "of each state; only parameters are imported"
        )


def _store(
    path: Path,
    header: ZooHeader,
    published: Sequence[PublishedMember],
    show: Callable[[str], None],
) -> list[str]:
    """Write the weights, scores and states of members, and return lines on damaged files."""
    folder = ZooFolder(path, header, writable=True)
    lines: list[str] = []
    last, groups = [], dict[tuple[int, str, int], list[int]]()
    for number, (member, described) in enumerate(zip(published, folder.members(), strict=True)):
        show(f"member {number + 1} of {header.members}: {member.path.name}")
        last.append(_store_member(folder, number, member, lines.append))
        moments = _moments(header, member, last[-1], lines.append)
        key = (last[-1], str(described.values["optimizer"]), moments.steps)
        groups.setdefault(key, []).append(number)
    header = replace(header, groups=[groups[key] for key in sorted(groups)])
    write_header(path, header)
    folder.header = header
    for group, numbers in enumerate(header.groups):
        epoch = last[numbers[0]]
        state = _group_state(folder, numbers, [published[number] for number in numbers], epoch)
        folder.commit(group, epoch, state, folder.metrics[list(numbers), epoch], ())
    return lines


def _store_member(
    folder: ZooFolder, number: int, member: PublishedMember, report: Callable[[str], None]
) -> int:
    """Write the weights and scores of a member, and return its last epoch."""
    last = member.epochs[0]
    for epoch in member.epochs:
        try:
            folder.weights[number, epoch] = _row(folder.header, member, epoch)
        except DamagedError as error:
            report(f"{member.path.name} ends with epoch {last}: {error}")
            break
        folder.metrics[number, epoch] = member.scores(epoch)
        last = epoch
    return last


def _group_state(
    folder: ZooFolder, numbers: Sequence[int], published: Sequence[PublishedMember], epoch: int
) -> GroupState:
    moments = [_moments(folder.header, member, epoch) for member in published]
    return GroupState(
        np.ascontiguousarray(folder.weights[list(numbers), epoch]),
        np.stack([item.first for item in moments]),
        np.stack([item.second for item in moments]),
        moments[0].steps,
    )


def _moments(
    header: ZooHeader,
    member: PublishedMember,
    epoch: int,
    report: Callable[[str], None] = lambda _: None,
) -> Moments:
    try:
        return read_moments(member.checkpoints[epoch], header.parameters)
    except DamagedError as error:
        report(f"{member.path.name} has no optimizer's state: {error}")
        zeros = np.zeros(header.width, np.float32)
        return Moments(zeros, zeros, 0)


def _row(header: ZooHeader, member: PublishedMember, epoch: int) -> NDArray[float32]:
    path = member.checkpoints[epoch]
    state = read_state(path)
    shapes = [tuple(value.shape) for _, value in state]
    expected = [parameter.shape for parameter in header.parameters]
    if shapes != expected:
        raise ZooError(
            f"{path}: its tensors have the shapes {shapes}, those of the first member {expected}; "
            "the members of a zoo have one architecture"
        )
    row: NDArray[float32] = torch.cat([value.reshape(-1) for _, value in state]).float().numpy()
    return row


def _write_extra(out: Path, published: Sequence[PublishedMember]) -> None:
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
