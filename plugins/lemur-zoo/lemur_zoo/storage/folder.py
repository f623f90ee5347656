"""Read and write the arrays and states in the folder of a zoo."""

from __future__ import annotations

import csv
import os
import shutil
import zipfile
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_core.errors import SettingsError
from lemur_core.files import replacement, sync_folder, write_errors
from lemur_zoo.members import GroupState
from lemur_zoo.spec.factors import FACTORS
from lemur_zoo.spec.population import SHARES, ZooMember
from lemur_zoo.storage.header import ZooError, ZooHeader, write_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy import float32, float64
    from numpy.typing import NDArray

MEMBERS, EXTRA, STATES = "members.csv", "extra.csv", "states"
_COLUMNS = ("member", "split", "seed", *FACTORS)
_ARRAYS = ("weights-*.f32", "metrics-*.f64", "buffers-*.f32")
# Room for the database, the report and the table, besides the arrays.
_SPARE = 64 * 2**20


class GroupProgress(NamedTuple):
    """How far a group is trained.

    Attributes:
        epoch: Number of its last whole epoch; -1 if not even epoch 0 is stored.
        seconds: Seconds of training and scoring up to the end of each epoch, from epoch 0.
    """

    epoch: int
    seconds: tuple[float, ...] = ()


class ZooFolder:
    """The files of a zoo.

    Attributes:
        path: The folder.
        header: Its header.
        weights: Weights, mapped from the disk, ``(members, epochs + 1, parameters)``.
        metrics: Scores, mapped from the disk, ``(members, epochs + 1, splits, metrics)``.
        buffers: Buffers, mapped from the disk, ``(members, epochs + 1, elements)``; None if the net
            has none.

    Raises:
        ZooError: A file is missing, or is shorter than the header says.
    """

    def __init__(self, path: Path, header: ZooHeader, *, writable: bool = False) -> None:
        self.path, self.header = path, header
        mode = "r+" if writable else "r"
        self.weights: NDArray[float32] = _mapped(
            path / header.weights_file, header.weights_type, header.weights_shape, mode
        )
        self.metrics: NDArray[float64] = _mapped(
            path / header.metrics_file, header.metrics_type, header.metrics_shape, mode
        )
        self.buffers: NDArray[float32] | None = (
            _mapped(path / header.buffers_file, header.weights_type, header.buffers_shape, mode)
            if header.buffers
            else None
        )

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """The arrays that are mapped from the disk."""
        arrays: list[NDArray[Any]] = [self.weights, self.metrics]
        return arrays if self.buffers is None else [*arrays, self.buffers]

    def progress(self, group: int) -> GroupProgress:
        """Return how far a group is trained."""
        state = self._read_state(group, ("epoch", "seconds"))
        if state is None:
            return GroupProgress(-1)
        return GroupProgress(int(state["epoch"]), tuple(map(float, state["seconds"])))

    def load(self, group: int, epoch: int) -> GroupState:
        """Return the state of a group after its last whole epoch.

        Args:
            group: Number of the group.
            epoch: Number of its last whole epoch.

        Raises:
            ZooError: The state cannot be read.
        """
        state = self._read_state(group, ("first", "second", "steps"))
        if state is None:
            raise ZooError(f"{self._state_file(group)}: is missing")
        rows = list(self.header.groups[group])
        buffers = None if self.buffers is None else self.buffers[rows, epoch]
        return GroupState(
            np.ascontiguousarray(self.weights[rows, epoch], np.float32),
            np.ascontiguousarray(state["first"], np.float32),
            np.ascontiguousarray(state["second"], np.float32),
            int(state["steps"]),
            None if buffers is None else np.ascontiguousarray(buffers, np.float32),
        )

    def commit(
        self,
        group: int,
        epoch: int,
        state: GroupState,
        scores: NDArray[float64],
        seconds: Sequence[float],
    ) -> None:
        """Store an epoch of a group; after a failure at any point, all earlier ones are intact.

        Args:
            group: Number of the group.
            epoch: Number of the epoch.
            state: The state after the epoch.
            scores: Scores of shape ``(members of the group, splits, metrics)``.
            seconds: Seconds up to the end of each epoch, this one included.

        Raises:
            WriteError: It cannot be written.
        """
        rows = list(self.header.groups[group])
        with write_errors(self.path):
            self.weights[rows, epoch] = state.parameters
            self.metrics[rows, epoch] = scores
            if self.buffers is not None:
                self.buffers[rows, epoch] = state.buffers
            for array in self.arrays:
                assert isinstance(array, np.memmap)
                array.flush()
        path = self._state_file(group)
        with write_errors(path), replacement(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                epoch=np.int64(epoch),
                steps=np.int64(state.steps),
                first=state.first.astype("<f4"),
                second=state.second.astype("<f4"),
                seconds=np.array(seconds, "<f8"),
            )
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)

    def members(self) -> list[ZooMember]:
        """Return the members in their order.

        Raises:
            ZooError: The table of members is damaged.
        """
        path = self.path / MEMBERS
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [_member(row) for row in csv.DictReader(file)]
        except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
            raise ZooError(f"{path}: cannot be read ({type(error).__name__}: {error})") from None
        # A table that was written for more members just before the command was stopped.
        rows = rows[: self.header.members]
        if [row.number for row in rows] != list(range(self.header.members)):
            raise ZooError(f"{path}: expected a row for each of {self.header.members:,} members")
        return rows

    def _state_file(self, group: int) -> Path:
        return self.path / STATES / f"{group:05}.npz"

    def _read_state(self, group: int, names: Sequence[str]) -> Mapping[str, Any] | None:
        path = self._state_file(group)
        try:
            # NumPy would leave a damaged file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in names}
        except FileNotFoundError:
            return None
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ZooError(
                f"{path}: is damaged ({type(error).__name__}); delete it to train its members "
                "from the beginning"
            ) from None


def check_empty(path: Path) -> None:
    """Raise `SettingsError` if a folder has files."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SettingsError(f"{path}: is not empty; name another folder with --out")


def create(
    path: Path, header: ZooHeader, members: Sequence[ZooMember], name: Path | None = None
) -> None:
    """Create the folder of a zoo whose arrays are empty.

    Args:
        path: The folder.
        header: The header of the zoo.
        members: Its members.
        name: The folder that messages name, instead of ``path``.

    Raises:
        SettingsError: The folder has other files, or the disk is too small.
        WriteError: It cannot be written.
    """
    check_empty(path)
    with replacement(path, folder=True) as temporary:
        temporary.mkdir()
        check_room(temporary, header.size, name or path)
        (temporary / STATES).mkdir()
        _allocate(temporary, header)
        write_members(temporary, members)
        write_header(temporary, header)


def check_room(path: Path, size: int, name: Path | None = None) -> None:
    """Raise `SettingsError` if a disk lacks room for a number of bytes.

    Args:
        path: A folder on the disk.
        size: Number of bytes.
        name: The folder that the message names, instead of ``path``.
    """
    free = shutil.disk_usage(path).free
    if free < size + _SPARE:
        raise SettingsError(
            f"{name or path}: the zoo needs {size / 2**30:,.1f} GiB, and the disk has "
            f"{free / 2**30:,.1f} GiB free; name a folder on another disk, or make fewer members "
            "or epochs"
        )


def add_members(folder: ZooFolder, header: ZooHeader, members: Sequence[ZooMember]) -> None:
    """Make room for further members; the header that counts them is written last.

    Args:
        folder: The zoo.
        header: The header of the zoo with the further members.
        members: All members.
    """
    check_room(folder.path, header.size - folder.header.size)
    with write_errors(folder.path):
        _allocate(folder.path, header)
    write_members(folder.path, members)
    write_header(folder.path, header)


def add_epochs(folder: ZooFolder, epochs: int) -> ZooHeader:
    """Make room for further epochs, and return the header of the zoo that has it.

    The arrays are copied, because a member's epochs are beside one another; the old ones are
    deleted when the header names the new ones.
    """
    old = folder.header
    header = replace(old, epochs=epochs, spec=replace(old.spec, epochs=epochs))
    check_room(folder.path, header.size)
    with write_errors(folder.path):
        _allocate(folder.path, header)
        longer = ZooFolder(folder.path, header, writable=True)
        for target, source in zip(longer.arrays, folder.arrays, strict=True):
            for member in range(old.members):
                target[member, : old.epochs + 1] = source[member]
            assert isinstance(target, np.memmap)
            target.flush()
        write_header(folder.path, header)
        for name in _files(old):
            (folder.path / name).unlink()
    return header


def delete_leftovers(folder: ZooFolder) -> None:
    """Delete the arrays that a command left when it was killed; the caller has locked the zoo."""
    kept = {*_files(folder.header)}
    with write_errors(folder.path):
        for pattern in _ARRAYS:
            for file in folder.path.glob(pattern):
                if file.name not in kept:
                    file.unlink()


def write_members(path: Path, members: Sequence[ZooMember]) -> None:
    """Replace the table of members at once."""
    path = path / MEMBERS
    with (
        write_errors(path),
        replacement(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for member in members:
            values = (member.values.get(name, "") for name in FACTORS)
            table.writerow([member.number, member.split, member.seed, *values])
        file.flush()
        os.fsync(file.fileno())


def _member(row: Mapping[str, str]) -> ZooMember:
    values: dict[str, Any] = {}
    for name, factor in FACTORS.items():
        if row[name]:
            values[name] = type(factor.default)(row[name])
            if not factor.accepts(values[name]):
                raise ValueError(f"{name} is {row[name]!r}; expected {factor.expected}")
    if row["split"] not in SHARES:
        raise ValueError(f"split is {row['split']!r}; expected {' or '.join(SHARES)}")
    return ZooMember(int(row["member"]), row["split"], int(row["seed"]), values)


def _allocate(path: Path, header: ZooHeader) -> None:
    """Make the files of the arrays as long as they need to be; what they hold stays."""
    for name, size in _files(header).items():
        with (path / name).open("ab") as file:
            file.truncate(size)
            # Otherwise, writing to a mapped file on a full disk ends the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)


def _files(header: ZooHeader) -> dict[str, int]:
    """Return the number of bytes of each file of an array."""
    files = {
        header.weights_file: 4 * prod(header.weights_shape),
        header.metrics_file: 8 * prod(header.metrics_shape),
    }
    return files | ({header.buffers_file: 4 * prod(header.buffers_shape)} if header.buffers else {})


def _mapped(path: Path, kind: str, shape: tuple[int, ...], mode: Any) -> Any:
    try:
        size = path.stat().st_size
        needed = int(np.prod(shape)) * np.dtype(kind).itemsize
        if size < needed:
            raise ZooError(
                f"{path}: is damaged: it has {size:,} of the {needed:,} bytes that zoo.json says"
            )
        return np.memmap(path, kind, mode, shape=shape)
    except OSError as error:
        raise ZooError(f"{path}: cannot be read: {error.strerror or error}") from None
